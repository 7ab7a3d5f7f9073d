"""Runs that are cut off and go on; here by an exception in one process (test_kill_resume.py kills for real)."""

import json
import shutil

import pytest
from mmengine.hooks import Hook
from stand_ins import bits, loader, train_stand_in

from unisign.engine.checkpoint_io import read_checkpoint, write_checkpoint
from unisign.structures import DataError

EVERY_STEP = {'default_hooks.checkpoint.interval_steps': 1}


class CutOffError(Exception):
    """Stands for a power cut."""


class CutAt(Hook):
    def __init__(self, iteration=None, epoch_of_validation=None):
        self.iteration, self.epoch = iteration, epoch_of_validation

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.train_loop.progress.iter == self.iteration:
            raise CutOffError

    def before_val_iter(self, runner, batch_idx, data_batch=None):
        if runner.epoch == self.epoch and batch_idx == 1:
            raise CutOffError


@pytest.fixture(scope='module')
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp('undisturbed')
    train_stand_in(folder)
    return folder


def checkpoint(folder, name):
    return read_checkpoint(folder / 'work/checkpoints' / name)


def assert_same_end(folder, undisturbed):
    got, expected = checkpoint(folder, 'epoch_3.pth'), checkpoint(undisturbed, 'epoch_3.pth')
    assert bits(got['state_dict']) == bits(expected['state_dict'])
    for number, state in expected['optimizer']['state'].items():
        assert bits(got['optimizer']['state'][number]) == bits(state)
    assert got['best'] == expected['best']
    name = 'best_dev_top1_per_instance.pth'
    assert bits(checkpoint(folder, name)['state_dict']) == bits(checkpoint(undisturbed, name)['state_dict'])
    assert scores(folder) == scores(undisturbed)


def scores(folder):
    return (folder / 'work/checkpoints/dev_scores.jsonl').read_text()


@pytest.mark.parametrize('iteration', [1, 2, 3, 6, 8, 9, 18])  # 6 batches an epoch, 2 of them make a step
def test_a_run_that_was_cut_off_ends_like_one_that_was_not(tmp_path, undisturbed, iteration):
    with pytest.raises(CutOffError):
        train_stand_in(tmp_path, EVERY_STEP, hook=CutAt(iteration))
    runner = train_stand_in(tmp_path, EVERY_STEP, resume='auto')
    assert_same_end(tmp_path, undisturbed)
    assert runner.train_loop.progress.iter == 18


def test_a_validation_that_was_cut_off_is_run_again(tmp_path, undisturbed):
    with pytest.raises(CutOffError):
        train_stand_in(tmp_path, hook=CutAt(epoch_of_validation=2))
    assert [json.loads(line)['epoch'] for line in scores(tmp_path).splitlines()] == [1]
    train_stand_in(tmp_path, resume='auto')
    assert_same_end(tmp_path, undisturbed)


def test_the_last_validation_is_run_again_too_and_then_the_run_is_finished(tmp_path, undisturbed):
    with pytest.raises(CutOffError):
        train_stand_in(tmp_path, hook=CutAt(epoch_of_validation=3))
    train_stand_in(tmp_path, resume='auto')
    assert_same_end(tmp_path, undisturbed)

    class NothingIsDone(Hook):
        def before_train_iter(self, runner, batch_idx, data_batch=None):
            raise AssertionError('trained on')

        before_val_iter = before_train_iter

    train_stand_in(tmp_path, resume='auto', hook=NothingIsDone())


def test_one_may_go_back_to_an_older_checkpoint(tmp_path, undisturbed):
    shutil.copytree(undisturbed / 'work', tmp_path / 'work')
    runner = train_stand_in(tmp_path, resume=str(tmp_path / 'work/checkpoints/epoch_2.pth'))
    assert_same_end(tmp_path, undisturbed)
    assert runner.train_loop.progress.epoch == 3


def test_a_best_checkpoint_that_the_resumed_one_does_not_know_stays(tmp_path, undisturbed):
    shutil.copytree(undisturbed / 'work', tmp_path / 'work')
    folder = tmp_path / 'work/checkpoints'
    best = read_checkpoint(folder / 'best_dev_top1_per_instance.pth')
    best['best']['score'] = 100.0  # written after epoch_2.pth, and better than all that is to come
    write_checkpoint(folder / 'best_dev_top1_per_instance.pth', best)
    train_stand_in(tmp_path, resume=str(folder / 'epoch_2.pth'))
    assert checkpoint(tmp_path, 'epoch_3.pth')['best']['score'] == 100.0


@pytest.mark.parametrize(
    ('options', 'named'),
    [
        ({'randomness.seed': 1}, 'seed was 42, is 1'),
        ({'train_cfg.max_epochs': 5}, 'max_epochs was 3, is 5'),
        ({'train_dataloader.batch_size': 2}, 'batch_size was 4, is 2'),
        ({'train_dataloader.dataset.size': 30}, 'dataset_length was 22, is 30'),
        ({'optim_wrapper.accumulative_counts': 3}, 'steps_per_epoch was 3, is 2'),
        ({'optim_wrapper.optimizer.lr': 0.01}, r"optimizer was .*'lr': 0\.05.*'lr': 0\.01"),
    ],
)
def test_a_run_with_other_settings_is_refused(tmp_path, undisturbed, options, named):
    path = str(undisturbed / 'work/checkpoints/epoch_2.pth')
    with pytest.raises(DataError, match=f'other settings: .*{named}'):
        train_stand_in(tmp_path, options, resume=path)


def test_weights_alone_cannot_be_resumed_but_loaded(tmp_path, undisturbed):
    best = str(undisturbed / 'work/checkpoints/best_dev_top1_per_instance.pth')
    with pytest.raises(DataError, match=r'holds no optimizer.*load_from'):
        train_stand_in(tmp_path, resume=best)
    runner = train_stand_in(tmp_path, {'load_from': best, 'optim_wrapper.optimizer.lr': 1e-12})
    assert runner.model.body[0].weight.allclose(read_checkpoint(best)['state_dict']['body.0.weight'], atol=1e-8)


def test_resuming_before_the_first_checkpoint_keeps_load_from(tmp_path, undisturbed):
    best = str(undisturbed / 'work/checkpoints/best_dev_top1_per_instance.pth')
    runner = train_stand_in(tmp_path, {'load_from': best, 'optim_wrapper.optimizer.lr': 1e-12}, resume='auto')
    assert runner.model.body[0].weight.allclose(read_checkpoint(best)['state_dict']['body.0.weight'], atol=1e-8)


def test_a_model_of_another_size_is_refused(tmp_path, undisturbed):
    path = str(undisturbed / 'work/checkpoints/epoch_2.pth')
    for how in (dict(resume=path), dict(options={'load_from': path})):
        with pytest.raises(DataError, match=r'other shape: body\.0\.weight \[8, 8\] \(the model has \[4, 8\]\)'):
            train_stand_in(tmp_path, model=dict(type='VectorModel', width=4), **how)


def test_config_text_in_a_checkpoint_is_not_run(tmp_path, undisturbed):
    content = checkpoint(undisturbed, 'epoch_2.pth')
    trap = tmp_path / 'trap'
    content['meta']['config'] = content['meta']['cfg'] = f'open({str(trap)!r}, "w").close()'
    write_checkpoint(tmp_path / 'trapped.pth', content)
    train_stand_in(tmp_path, resume=str(tmp_path / 'trapped.pth'))
    assert not trap.exists()


def test_workers_do_not_change_the_result(tmp_path, undisturbed):
    train_stand_in(tmp_path, train_dataloader=loader('train', workers=2))
    assert_same_end(tmp_path, undisturbed)

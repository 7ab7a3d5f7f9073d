"""Averaged weights: computed by hand, validated, saved and resumed."""

import json

import pytest
import torch
from mmengine.hooks import Hook
from stand_ins import bits, train_stand_in
from test_resume import EVERY_STEP, CutAt, CutOffError, checkpoint

from unisign.checkpoints import load_state_dict_file
from unisign.structures import DataError

NAME = 'body.0.weight'
EMA = [dict(type='EMAHook', momentum=0.25)]


class Weights(Hook):
    """Keeps the weights after each optimizer step, and those that are validated."""

    def __init__(self):
        self.trained, self.validated = [], []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.train_loop.at_step_boundary:
            self.trained.append(runner.model.state_dict()[NAME].clone())

    def before_val_iter(self, runner, batch_idx, data_batch=None):
        if batch_idx == 0:
            self.validated.append(runner.model.state_dict()[NAME].clone())


@pytest.fixture(scope='module')
def averaged(tmp_path_factory):
    folder, weights = tmp_path_factory.mktemp('ema'), Weights()
    train_stand_in(folder, hook=weights, custom_hooks=EMA)
    return folder, weights


def averages(trained):
    """Return the average after each optimizer step: the first is the weights themselves."""
    found = [trained[0]]
    for weights in trained[1:]:
        found.append(0.75 * found[-1] + 0.25 * weights)
    return found


def test_the_average_is_taken_once_an_optimizer_step_and_validated_and_saved(averaged):
    folder, weights = averaged
    assert len(weights.trained) == 9  # 3 epochs of 6 batches, 2 of which make a step
    expected = averages(weights.trained)
    for epoch, validated in enumerate(weights.validated, 1):
        assert torch.allclose(validated, expected[3 * epoch - 1], atol=1e-7)
        assert not torch.allclose(validated, weights.trained[3 * epoch - 1], atol=1e-3)
    last = checkpoint(folder, 'epoch_3.pth')
    assert torch.equal(last['state_dict'][NAME], weights.validated[-1])
    assert torch.equal(last['ema_state_dict'][f'module.{NAME}'], weights.trained[-1])
    assert torch.equal(load_state_dict_file(folder / 'work/checkpoints/epoch_3.pth')[NAME], weights.validated[-1])


def test_the_best_checkpoint_holds_the_averaged_weights_alone(averaged):
    folder, weights = averaged
    best = checkpoint(folder, 'best_dev_top1_per_instance.pth')
    assert 'ema_state_dict' not in best
    assert torch.equal(best['state_dict'][NAME], weights.validated[best['best']['epoch'] - 1])


@pytest.mark.parametrize('iteration', [3, 8])
def test_a_run_that_was_cut_off_ends_like_one_that_was_not(tmp_path, averaged, iteration):
    with pytest.raises(CutOffError):
        train_stand_in(tmp_path, EVERY_STEP, hook=CutAt(iteration), custom_hooks=EMA)
    train_stand_in(tmp_path, EVERY_STEP, resume='auto', custom_hooks=EMA)
    for name in ('epoch_3.pth', 'best_dev_top1_per_instance.pth'):
        got, expected = checkpoint(tmp_path, name), checkpoint(averaged[0], name)
        for weights in set(expected) & {'state_dict', 'ema_state_dict'}:
            assert bits(got[weights]) == bits(expected[weights]), (name, weights)
    scores = [folder / 'work/checkpoints/dev_scores.jsonl' for folder in (tmp_path, averaged[0])]
    assert scores[0].read_text() == scores[1].read_text()


def test_a_run_with_averages_is_not_resumed_without_them_or_with_others(tmp_path, averaged):
    path = str(averaged[0] / 'work/checkpoints/epoch_2.pth')
    with pytest.raises(DataError, match=r"ema was .*'momentum': 0\.25.*, is None"):
        train_stand_in(tmp_path, resume=path)
    with pytest.raises(DataError, match=r"ema was .*'momentum': 0\.25.*, is .*0\.1"):
        train_stand_in(tmp_path, resume=path, custom_hooks=[dict(type='EMAHook', momentum=0.1)])


def test_a_new_run_starts_both_from_the_averaged_weights(tmp_path, averaged):
    path = str(averaged[0] / 'work/checkpoints/epoch_3.pth')
    weights = Weights()
    options = {'load_from': path, 'optim_wrapper.optimizer.lr': 1e-12, 'train_cfg.max_epochs': 1}
    train_stand_in(tmp_path, options, hook=weights, custom_hooks=EMA)
    start = checkpoint(averaged[0], 'epoch_3.pth')['state_dict'][NAME]
    assert torch.allclose(weights.trained[0], start, atol=1e-9)
    assert torch.allclose(weights.validated[0], start, atol=1e-9)


def test_the_average_may_begin_later(tmp_path):
    weights = Weights()
    train_stand_in(tmp_path, hook=weights, custom_hooks=[dict(type='EMAHook', momentum=0.25, begin_epoch=3)])
    assert torch.equal(weights.validated[0], weights.trained[2])  # not begun: the trained weights themselves
    assert torch.equal(weights.validated[1], weights.trained[5])
    assert torch.allclose(weights.validated[2], averages(weights.trained[6:])[-1], atol=1e-7)
    assert [json.loads(line)['epoch'] for line in (tmp_path / 'work/checkpoints/dev_scores.jsonl').open()] == [1, 2, 3]

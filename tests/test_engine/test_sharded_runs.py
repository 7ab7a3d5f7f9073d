"""Whole runs with sharded weights or ZeRO: their checkpoints are those of every other run."""

import sys
from importlib.util import find_spec

import pytest
import torch
from stand_ins import bits, loader, train_stand_in, write_config
from two_processes import in_two_processes

from unisign.engine import SignCheckpointHook, SignRunner, check_config
from unisign.engine.checkpoint_io import read_checkpoint
from unisign.engine.launch import prepare_config, run_test
from unisign.structures import DataError

SHARDED = dict(type='FullyShardedModel', blocks=('Linear',))
ZERO = dict(type='DeepSpeedModel')
BEST = 'best_dev_top1_per_instance.pth'


def run(config, wrapper, work_dir, resume=False):
    cfg = prepare_config(config, work_dir=str(work_dir), launcher='pytorch')
    cfg.resume, cfg.model_wrapper_cfg = resume, wrapper
    SignRunner.from_cfg(cfg).train()


@pytest.fixture(scope='module')
def config(tmp_path_factory):
    """Dropout, five batches an epoch, two of which make an optimizer step, the last one alone; a checkpoint a step."""
    path = write_config(
        tmp_path_factory.mktemp('config'),
        train_dataloader=loader('train', size=40),
        model=dict(type='VectorModel', norm=False),
        default_hooks=dict(
            checkpoint=dict(
                interval_steps=1, interval_minutes=None, max_keep_ckpts=0, save_best='dev/top1_per_instance'
            )
        ),
    )
    check_config(prepare_config(path))  # imports what the forks need
    return path


@pytest.fixture(scope='module')
def ddp(config, tmp_path_factory):
    folder = tmp_path_factory.mktemp('ddp')
    in_two_processes(run, config, None, folder)
    return folder / 'checkpoints'


@pytest.fixture(scope='module', params=[SHARDED, ZERO], ids=['sharded', 'deepspeed'])
def other(request, config, tmp_path_factory):
    """A wrapper, and a run with it."""
    if request.param is ZERO and find_spec('deepspeed') is None:
        pytest.skip('deepspeed is not installed')
    folder = tmp_path_factory.mktemp('other')
    in_two_processes(run, config, request.param, folder)
    return request.param, folder / 'checkpoints'


def assert_close(folder, expected, name='epoch_3.pth'):
    """Compare weights and optimizer of two checkpoints."""
    got, expected = read_checkpoint(folder / name), read_checkpoint(expected / name)
    assert list(got['state_dict']) == list(expected['state_dict'])
    torch.testing.assert_close(got['state_dict'], expected['state_dict'], rtol=0, atol=1e-6)
    torch.testing.assert_close(got['optimizer']['state'], expected['optimizer']['state'], rtol=0, atol=1e-6)
    assert got['optimizer']['param_groups'] == expected['optimizer']['param_groups']
    assert got['meta']['iter'] == expected['meta']['iter']


@pytest.mark.slow
def test_the_files_are_those_of_a_run_without_it(ddp, other):
    _, folder = other
    assert sorted(file.name for file in folder.iterdir()) == sorted(file.name for file in ddp.iterdir())
    assert_close(folder, ddp)
    assert_close(folder, ddp, 'iter_7.pth')
    best = read_checkpoint(folder / BEST)
    epoch = read_checkpoint(folder / f'epoch_{best["best"]["epoch"]}.pth')
    assert bits(best['state_dict']) == bits(epoch['state_dict'])


@pytest.mark.slow
def test_it_resumes_within_an_epoch_to_the_bit(config, other, tmp_path):
    wrapper, folder = other
    in_two_processes(run, config, wrapper, tmp_path, str(folder / 'iter_7.pth'))
    resumed, whole = (read_checkpoint(path / 'epoch_3.pth') for path in (tmp_path / 'checkpoints', folder))
    assert bits(resumed['state_dict']) == bits(whole['state_dict'])
    for number, state in whole['optimizer']['state'].items():
        assert bits(resumed['optimizer']['state'][number]) == bits(state)


@pytest.mark.slow
def test_runs_change_from_one_wrapper_to_another(config, ddp, other, tmp_path):
    wrapper, folder = other
    in_two_processes(run, config, wrapper, tmp_path / 'there', str(ddp / 'iter_7.pth'))
    assert_close(tmp_path / 'there/checkpoints', ddp)
    in_two_processes(run, config, None, tmp_path / 'back', str(folder / 'iter_7.pth'))
    assert_close(tmp_path / 'back/checkpoints', ddp)


def scores(config, wrapper, checkpoint, work_dir, launcher):
    cfg = prepare_config(config, work_dir=str(work_dir), launcher=launcher)
    cfg.model_wrapper_cfg = wrapper
    return run_test(cfg, checkpoint)


@pytest.mark.slow
def test_a_test_gives_the_scores_of_one_process(config, other, tmp_path):
    wrapper, folder = other
    two, _ = in_two_processes(scores, config, wrapper, folder / BEST, tmp_path, 'pytorch')
    assert two == scores(config, None, folder / BEST, tmp_path, 'none')


def refused(config, wrapper):
    try:
        run(config, wrapper, config.parent / 'refused')
    except DataError as error:
        return str(error)
    return ''


@pytest.mark.slow
def test_a_model_without_such_blocks_is_refused(config):
    message, _ = in_two_processes(refused, config, dict(type='FullyShardedModel', blocks=('Nowhere',)))
    assert 'model_wrapper_cfg.blocks: the model has no part of class Nowhere' in message


def test_without_deepspeed_the_message_says_what_to_install(monkeypatch):
    from unisign.engine import DeepSpeedModel

    monkeypatch.setitem(sys.modules, 'deepspeed', None)
    with pytest.raises(
        DataError, match=r"DeepSpeedModel needs the package deepspeed.*pip install 'unisign\[deepspeed\]'"
    ):
        DeepSpeedModel(torch.nn.Linear(1, 1))


def time_is_up():
    from os import environ

    torch.distributed.init_process_group('gloo')
    hook = SignCheckpointHook(interval_minutes=1)
    hook._last_time -= 61 if environ['RANK'] == '0' else 0
    return hook._time_is_up(60)


def test_the_main_process_tells_all_when_a_checkpoint_is_due():
    assert in_two_processes(time_is_up) == (True, True)


def test_one_process_needs_no_wrapper(tmp_path):
    runner = train_stand_in(tmp_path, {'train_cfg.max_epochs': 1}, model_wrapper_cfg=SHARDED)
    assert type(runner.model).__name__ == 'VectorModel'

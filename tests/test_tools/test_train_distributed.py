"""dist_train.sh and dist_test.sh with two processes on the CPU."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'test_engine'))
from stand_ins import loader, write_config
from two_processes import in_two_processes

from unisign.engine import SignRunner, check_config
from unisign.engine.checkpoint_io import read_checkpoint
from unisign.engine.launch import prepare_config, run_test, run_train
from unisign.structures import DataError

pytestmark = pytest.mark.slow


def run(repo, script, *arguments):
    environment = dict(os.environ, PYTHON=sys.executable, PYTHONPATH=str(repo / 'tests/test_engine'))
    command = ['bash', str(repo / 'tools' / script), *map(str, arguments)]
    done = subprocess.run(command, cwd=repo, env=environment, capture_output=True, text=True, timeout=1800)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope='module')
def trained(repo, tmp_path_factory):
    """A run of two processes, whose dev split has fewer clips than one batch for each."""
    folder = tmp_path_factory.mktemp('distributed')
    config = write_config(folder, train_dataloader=loader('train', failing=(1,), max_failed_share=0.1, workers=1))
    code, output = run(repo, 'dist_train.sh', config, 2)
    assert code == 0, output
    return config, output


def test_two_processes_train_and_say_what_replaces_the_gpu(trained):
    config, output = trained
    assert 'the processes talk over gloo, not nccl' in output
    assert 'each process keeps the batch statistics of its own clips' in output
    assert '2 process(es)' in output
    assert read_checkpoint(config.parent / 'work/checkpoints/epoch_3.pth')['run']['world_size'] == 2


def test_one_and_two_processes_predict_the_same_each_clip_once(repo, trained, tmp_path):
    config, _ = trained
    work_dir = config.parent / 'work'
    run_test(prepare_config(config, str(tmp_path)), work_dir, str(tmp_path / '1.jsonl'))
    arguments = ('--out', tmp_path / '2.jsonl', '--work-dir', tmp_path)
    code, output = run(repo, 'dist_test.sh', config, work_dir, 2, *arguments)
    assert code == 0, output
    one, two = (
        [json.loads(line) for line in (tmp_path / f'{processes}.jsonl').read_text().splitlines()]
        for processes in (1, 2)
    )
    assert sorted(line['id'] for line in one) == sorted(f'test-{i}' for i in range(11))
    for alone, shared_out in zip(one, two, strict=True):
        assert (alone['id'], alone['pred']) == (shared_out['id'], shared_out['pred'])
        assert alone['score'] == pytest.approx(shared_out['score'], abs=1e-6)


def weights_of(config, launcher, resume=False):
    cfg = prepare_config(config, launcher=launcher)
    cfg.resume = resume
    runner = SignRunner.from_cfg(cfg)
    model = runner.train()
    return {name: value.tolist() for name, value in getattr(model, 'module', model).state_dict().items()}


def error_of(config):
    try:
        run_train(prepare_config(config, launcher='pytorch'))
    except DataError as error:
        return str(error)
    return ''


def config_without_noise(folder, batch_size, norm):
    """24 clips, so three steps of eight an epoch; two make an optimizer step, the third is one of its own."""
    return write_config(
        folder,
        train_dataloader=loader('train', size=24, batch_size=batch_size),
        model=dict(type='VectorModel', dropout=0.0, norm=norm),
        train_cfg=dict(max_epochs=2, val_interval=9),
    )


def test_two_processes_compute_what_one_with_twice_the_batch_does(tmp_path):
    config = config_without_noise(tmp_path / 'two', batch_size=4, norm=False)
    check_config(prepare_config(config))  # imports what the forks need
    first, second = in_two_processes(weights_of, config, 'pytorch')
    alone = weights_of(config_without_noise(tmp_path / 'one', batch_size=8, norm=False), 'none')
    assert first == second
    for name, value in alone.items():
        assert np.allclose(first[name], value, rtol=0, atol=1e-6), name


def test_running_statistics_are_the_same_on_all_processes(tmp_path):
    config = config_without_noise(tmp_path, batch_size=4, norm=True)
    check_config(prepare_config(config))
    first, second = in_two_processes(weights_of, config, 'pytorch')
    assert first['body.1.running_mean'] == second['body.1.running_mean']
    assert first['body.1.running_var'] == second['body.1.running_var']
    assert any(first['body.1.running_mean'])


def test_two_processes_resume_to_the_bit(tmp_path):
    hooks = dict(checkpoint=dict(interval_steps=1, interval_minutes=None, max_keep_ckpts=0))
    config = write_config(tmp_path, default_hooks=hooks, train_dataloader=loader('train', size=40))
    check_config(prepare_config(config))
    whole, _ = in_two_processes(weights_of, config, 'pytorch')
    middle = str(tmp_path / 'work/checkpoints/iter_7.pth')  # five batches an epoch, two make a step, one is left
    resumed, other = in_two_processes(weights_of, config, 'pytorch', middle)
    assert resumed == whole
    assert other == whole


def test_a_loss_that_is_not_finite_on_one_process_stops_both(tmp_path):
    config = write_config(tmp_path, train_dataloader=loader('train', poisoned=(5,)))
    check_config(prepare_config(config))
    first, second = in_two_processes(error_of, config)
    assert first == second
    assert 'loss is not finite; clips of the batch: ' in first
    assert 'train-5' in first

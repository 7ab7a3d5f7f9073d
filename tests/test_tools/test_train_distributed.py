"""dist_train.sh and dist_test.sh with two processes on the CPU."""

import json
import multiprocessing
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'test_engine'))
from stand_ins import loader, write_config

from unisign.engine import check_config
from unisign.engine.checkpoint_io import read_checkpoint
from unisign.engine.launch import prepare_config, run_test, run_train
from unisign.structures import DataError

pytestmark = pytest.mark.slow


def run(repo, script, *arguments):
    environment = dict(os.environ, PYTHON=sys.executable, PYTHONPATH=str(repo / 'tests/test_engine'))
    command = ['bash', str(repo / 'tools' / script), *map(str, arguments)]
    done = subprocess.run(command, cwd=repo, env=environment, capture_output=True, text=True, timeout=240)
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


def train_as(rank, port, config, outcomes):
    environment = dict(RANK=rank, LOCAL_RANK=rank, WORLD_SIZE=2, MASTER_ADDR='127.0.0.1', MASTER_PORT=port)
    os.environ.update({name: str(value) for name, value in environment.items()})
    try:
        run_train(prepare_config(config, launcher='pytorch'))
    except DataError as error:
        outcomes.put((rank, str(error)))


def test_a_loss_that_is_not_finite_on_one_process_stops_both(tmp_path):
    config = write_config(tmp_path, train_dataloader=loader('train', poisoned=(5,)))
    check_config(prepare_config(config))
    context = multiprocessing.get_context('fork')
    outcomes = context.Queue()
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    processes = [context.Process(target=train_as, args=(rank, port, config, outcomes)) for rank in range(2)]
    for process in processes:
        process.start()
    errors = dict(outcomes.get(timeout=120) for _ in processes)
    for process in processes:
        process.join()
    assert errors[0] == errors[1]
    assert 'loss is not finite; clips of the batch: ' in errors[0]
    assert 'train-5' in errors[0]

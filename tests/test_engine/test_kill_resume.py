"""SIGKILL at random moments, for real; tools/misc/kill_resume.py does the same twenty times and more."""

import random

import pytest
import torch
from stand_ins import loader, write_config

from unisign.engine import check_config
from unisign.engine.kill_resume import differences, killed, start_fork, undisturbed
from unisign.engine.launch import prepare_config, run_train


def test_differences_are_found_to_the_bit():
    one = dict(a=torch.tensor([1.0, 0.0]), b=[1, 'x'])
    assert differences(one, dict(a=torch.tensor([1.0, 0.0]), b=[1, 'x'])) == []
    assert differences(one, dict(a=torch.tensor([1.0, -0.0]), b=[1, 'x'])) == ['.a']
    assert differences(one, dict(a=torch.tensor([1.0, 0.0], dtype=torch.float64), b=[1, 'y'])) == ['.a', '.b[1]']
    assert differences(one, dict(b=[1, 'x'])) == ['.a']


@pytest.mark.slow
def test_a_run_killed_twice_ends_like_one_that_was_not(tmp_path):
    config = write_config(
        tmp_path,
        train_dataloader=loader('train', size=100, workers=2),
        default_hooks=dict(
            logger=dict(interval=50),
            checkpoint=dict(interval_steps=2, interval_minutes=None, save_best='dev/top1_per_instance'),
        ),
    )
    check_config(prepare_config(config))  # imports what the forks need
    start = start_fork(lambda work_dir: run_train(prepare_config(config, str(work_dir)), resume='auto'))
    expected, seconds = undisturbed(start, tmp_path)
    run = killed(start, tmp_path, 'killed', kills=2, seconds=seconds, expected=expected, rng=random.Random(1))
    assert len(run.kills) == 2
    assert run.differences == []

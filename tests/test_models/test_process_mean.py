"""The mean over the tokens of all processes, by hand."""

import math
import sys
from pathlib import Path

import pytest
import torch
from torch import distributed

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'test_engine'))
from two_processes import in_two_processes

from unisign.models.losses import mean_over_processes


def mean_of_mine(means, counts):
    """Return the value and the gradient of this process's mean, and the value of a detached companion."""
    if not distributed.is_initialized():
        distributed.init_process_group('gloo')
    rank = distributed.get_rank()
    mean = torch.tensor(means[rank], requires_grad=True)
    found = mean_over_processes(dict(loss=mean, accuracy=torch.tensor(float(rank))), counts[rank])
    found['loss'].backward()
    return found['loss'].item(), mean.grad.item(), found['accuracy'].item()


def test_every_token_weighs_the_same():
    # 3 tokens that cost 1.0 each and 1 that costs 5.0: 8 / 4 tokens. The gradients' average over two processes is that
    # of (3 m_0 + 1 m_1) / 4, so each process has twice its own share.
    first, second = in_two_processes(mean_of_mine, [1.0, 5.0], [3, 1])
    assert first == pytest.approx((2.0, 1.5, 0.25))
    assert second == pytest.approx((2.0, 0.5, 0.25))


def test_a_process_without_tokens_takes_part_with_no_weight():
    first, second = in_two_processes(mean_of_mine, [3.0, 0.0], [4, 0])
    assert first == pytest.approx((3.0, 2.0, 0.0))
    assert second == pytest.approx((3.0, 0.0, 0.0))


def test_no_token_at_all_is_no_division_by_zero():
    assert in_two_processes(mean_of_mine, [0.0, 0.0], [0, 0]) == ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0))


def test_only_the_process_with_the_bad_clip_sees_that_it_is_not_finite():
    first, second = in_two_processes(mean_of_mine, [float('nan'), 5.0], [3, 1])
    assert math.isnan(first[0])
    assert math.isfinite(second[0])


def test_a_process_that_is_alone_gets_back_what_it_gave():
    means = dict(loss=torch.tensor(2.0))
    assert mean_over_processes(means, 7) is means

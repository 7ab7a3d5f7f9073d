"""Clipping by the norm: PyTorch's result, and the digits that PyTorch loses in a large gradient."""

import pytest
import torch
from mmengine.optim import OptimWrapper
from torch import nn

from unisign.engine.gradient_norm import clip_grad_norm_
from unisign.engine.optim_constructor import SignOptimWrapperConstructor


def parameters(*gradients: torch.Tensor) -> list[nn.Parameter]:
    made = [nn.Parameter(torch.zeros_like(grad)) for grad in gradients]
    for parameter, grad in zip(made, gradients, strict=True):
        parameter.grad = grad.clone()
    return [*made, nn.Parameter(torch.zeros(3))]  # one without a gradient


def test_by_hand() -> None:
    given = parameters(torch.tensor([[3.0, 0.0], [0.0, 4.0]]), torch.tensor(12.0))
    assert clip_grad_norm_(given, 6.5).item() == 13
    assert given[0].grad.flatten().tolist() == pytest.approx([1.5, 0, 0, 2], rel=1e-5)


@pytest.mark.parametrize('options', [dict(), dict(norm_type=float('inf')), dict(norm_type=1.0), dict(foreach=False)])
@pytest.mark.parametrize('max_norm', [0.1, 1e3])
def test_as_pytorch_clips(options, max_norm: float) -> None:
    gradients = torch.randn(5, 4), torch.randn(6), torch.randn(3, 2, 1, 5), torch.randn(())
    ours, theirs = parameters(*gradients), parameters(*gradients)
    norm = clip_grad_norm_(ours, max_norm, **options)
    torch.testing.assert_close(norm, nn.utils.clip_grad_norm_(theirs, max_norm, **options))
    for one, other in zip(ours[:-1], theirs[:-1], strict=True):
        torch.testing.assert_close(one.grad, other.grad)
    assert ours[-1].grad is None


def test_a_large_gradient() -> None:
    """Of 67 million values of 1.1; PyTorch's norm on the CPU came out 4.8 % too small."""
    (given, _) = parameters(torch.full((1 << 16, 1 << 10), 1.1))
    assert clip_grad_norm_([given], 1e9).item() == pytest.approx(8192 * 1.1, rel=1e-6)


def test_nothing_to_clip() -> None:
    assert clip_grad_norm_([nn.Parameter(torch.zeros(2))], 1.0).item() == 0


def test_nan_is_seen_and_spreads() -> None:
    given = parameters(torch.tensor([1.0, float('nan')]), torch.ones(2, 2))
    assert clip_grad_norm_(given, 1.0).isnan()
    assert given[1].grad.isnan().all()


@pytest.mark.parametrize(
    ('clip', 'ours'), [(dict(max_norm=1.0), True), (dict(type='value', clip_value=1.0), False)], ids=['norm', 'value']
)
def test_wrappers_use_it(clip, ours: bool) -> None:
    wrapper = SignOptimWrapperConstructor(
        dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.1), clip_grad=clip)
    )(nn.Linear(2, 2))
    assert isinstance(wrapper, OptimWrapper)
    assert (wrapper.clip_func is clip_grad_norm_) == ours

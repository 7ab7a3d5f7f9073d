"""Clipping by the norm: PyTorch's result, and the digits that PyTorch loses in a large gradient."""

import pytest
import torch
from mmengine.optim import OptimWrapper
from mmengine.optim.optimizer import amp_optimizer_wrapper
from torch import nn

from unisign.engine import gradient_norm
from unisign.engine.gradient_norm import ClippedStep, clip_grad_norm_
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


@pytest.mark.parametrize('kind', [torch.optim.AdamW, torch.optim.SGD])
@pytest.mark.parametrize('options', [dict(), dict(norm_type=1.0)])
@pytest.mark.parametrize('on_cpu', [True, False])
def test_the_optimizer_scales(kind, options, on_cpu: bool, monkeypatch) -> None:
    """Two steps, of which the second has nothing to clip, against PyTorch's clipping and a plain optimizer."""
    monkeypatch.setattr(gradient_norm, '_is_on_cpu', lambda grads: on_cpu)  # the way of a GPU, run here
    theirs = parameters(torch.randn(5, 4), torch.randn(6))
    ours = parameters(*(one.grad for one in theirs[:-1]))
    plain, fused = kind(theirs, lr=0.1, foreach=False), kind(ours, lr=0.1, fused=True)
    clip = ClippedStep(fused)
    for scale in (1.0, 1e-3):
        for one, other in zip(ours[:-1], theirs[:-1], strict=True):
            one.grad, other.grad = (one.detach() + 2) * scale, (other.detach() + 2) * scale
        wanted = nn.utils.clip_grad_norm_(theirs, 0.5, **options)
        torch.testing.assert_close(clip(ours, 0.5, **options), wanted)
        plain.step()
        fused.step()
        assert not hasattr(fused, 'grad_scale')
        for one, other in zip(ours[:-1], theirs[:-1], strict=True):
            torch.testing.assert_close(one, other)
            torch.testing.assert_close(one.grad, other.grad)


def test_a_step_that_did_not_come_is_forgotten() -> None:
    given = parameters(torch.ones(2, 2))
    optimizer = torch.optim.SGD(given, lr=1.0, fused=True)
    clip = ClippedStep(optimizer)
    clip(given, 0.1)
    assert optimizer.grad_scale.item() == pytest.approx(20, rel=1e-4)
    clip(given, 10.0)
    optimizer.step()
    assert given[0].flatten().tolist() == [-1] * 4


def test_wrappers_use_it() -> None:
    assert isinstance(wrapper_with(clip_grad=dict(max_norm=1.0)).clip_func, ClippedStep)


@pytest.fixture
def mixed_precision(monkeypatch) -> dict:
    """MMEngine's wrapper for mixed precision, which wants a GPU, and whose scaler turns itself off without one."""
    monkeypatch.setattr(amp_optimizer_wrapper, 'is_cuda_available', lambda: True)
    monkeypatch.setattr(torch.cuda.amp.common, 'amp_definitely_not_available', lambda: False)
    return dict(type='AmpOptimWrapper', dtype='bfloat16')


@pytest.mark.parametrize('scale', ['dynamic', 8.0])
def test_a_scaled_loss_is_clipped_on_its_own(mixed_precision, scale) -> None:
    wrapper = wrapper_with(**mixed_precision, loss_scale=scale, clip_grad=dict(max_norm=1.0))
    assert wrapper.loss_scaler.is_enabled()
    assert wrapper.clip_func is clip_grad_norm_  # the optimizer divides by the scale


def test_a_scale_of_one_is_left_out(mixed_precision) -> None:
    """Without clipping nothing else would look at the gradients."""
    assert wrapper_with(**mixed_precision, loss_scale=1.0).loss_scaler.is_enabled()
    wrapper = wrapper_with(**mixed_precision, loss_scale=1.0, clip_grad=dict(max_norm=1.0))
    assert not wrapper.loss_scaler.is_enabled() and isinstance(wrapper.clip_func, ClippedStep)
    (group,) = wrapper.optimizer.param_groups[:1]
    weight = group['params'][0]
    start = weight.detach().clone()
    wrapper.update_params((weight * torch.tensor([[3.0, 0.0], [0.0, 4.0]])).sum())  # a gradient of norm 5
    torch.testing.assert_close(start - weight, 0.1 * torch.tensor([[0.6, 0.0], [0.0, 0.8]]))
    wrapper.load_state_dict(wrapper.state_dict())


def test_clipping_by_value_stays() -> None:
    assert wrapper_with(clip_grad=dict(type='value', clip_value=1.0)).clip_func is nn.utils.clip_grad_value_


def wrapper_with(**options) -> OptimWrapper:
    settings = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.1)) | options
    return SignOptimWrapperConstructor(settings)(nn.Linear(2, 2))

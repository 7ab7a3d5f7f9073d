"""The steps of a graph block with gradients of their own, which keep little between forward and backward pass.

PyTorch keeps the input of every operation. Here a step keeps only what is dear to compute again: its input, which the
step before has made anyway, and of a batch norm the mean and the deviation. The rest (points mixed, normalised values,
the timeline with its gaps) takes one pass over memory and is made anew. Everything in between is worked on in place.

The precision is that of the input ``x``: under autocast ``GraphBlock`` gives it in half precision and the weights in
float32, which are rounded for the matrix products alone; their gradients are float32 again.
Shape letters: V points, M frames of all sequences, C channels, K hops.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from unisign.models.backbones.clip_timeline import ClipTimeline, lay_out, take_out
from unisign.models.backbones.lean_batch_norm import BatchNorm, norm_backward, norm_settings, normalise, normalise_again

aten = torch.ops.aten


def backward_pass(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function the backward pass of a step: differentiable once, and without autocast, if that should be on."""

    @wraps(function)
    def run(ctx: Any, grad: Tensor) -> Any:
        with torch.autocast(grad.device.type, enabled=False):
            return function(ctx, grad)

    return once_differentiable(run)


class MixPoints(torch.autograd.Function):
    """Sum over hop k and source point v of A[k, v, w] (W_k x_v + b_k): points first, then channels."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, adjacency: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """Return [V, M, C'] for ``x`` [V, M, C], ``adjacency`` [K, V, V], ``weight`` [K, C', C], ``bias`` [K, C']."""
        spread = spread_of(adjacency, x.dtype)
        ctx.save_for_backward(x, adjacency, spread, weight, bias)
        return _mix_points(x, spread, weight, adjacency.sum(dim=1).t() @ bias)

    @staticmethod
    @backward_pass
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the gradients of the arguments of ``forward``."""
        x, adjacency, spread, weight, bias = ctx.saved_tensors
        hops, points, _ = adjacency.shape
        flat, given = x.view(points, -1), grad.reshape(-1, grad.shape[-1])
        sums = given.view(points, -1, given.shape[1]).sum(dim=1, dtype=bias.dtype)  # V C'
        rounded = weight.to(x.dtype)
        around, of_weight = _mix(x, spread), torch.empty_like(rounded)
        for k in range(hops):
            torch.mm(given.t(), around[k], out=of_weight[k])
            torch.mm(given, rounded[k], out=around[k])  # now the gradient of what was mixed
        around = around.view(hops * points, -1)
        of_adjacency = torch.mm(flat, around.t()).to(bias.dtype).view(points, hops, points).transpose(0, 1)
        of_adjacency += (bias @ sums.t())[:, None]
        of_x = torch.mm(spread.t(), around)
        of_bias = adjacency.sum(dim=1) @ sums
        return of_x.view_as(x), of_adjacency, of_weight.to(weight.dtype), of_bias


def mix_points(x: Tensor, adjacency: Tensor, weight: Tensor, offset: Tensor) -> Tensor:
    """Return the sum over hop k and source point v of A[k, v, w] W_k x_v, plus ``offset`` [V, C'].

    Sizes as for ``MixPoints``.
    """
    return _mix_points(x, spread_of(adjacency, x.dtype), weight, offset)


def _mix_points(x: Tensor, spread: Tensor, weight: Tensor, offset: Tensor) -> Tensor:
    points, frames, _ = x.shape
    mixed = x.new_empty(points, frames, weight.shape[1])
    mixed.copy_(offset[:, None])
    rows = mixed.view(points * frames, weight.shape[1])
    for around, own in zip(_mix(x, spread), weight.to(x.dtype), strict=True):
        torch.addmm(rows, around, own.t(), out=rows)
    return mixed


def spread_of(adjacency: Tensor, dtype: torch.dtype) -> Tensor:
    """Return [K * V, V], which takes each point to those around it, for ``adjacency`` [K, V, V]."""
    return adjacency.to(dtype).transpose(1, 2).reshape(-1, adjacency.shape[1])


def _mix(x: Tensor, spread: Tensor) -> Tensor:
    """Return the sum over source points of A[k, v, w] x_v, [K, V * M, C] for [V, M, C]."""
    points, frames, channels = x.shape
    return torch.mm(spread, x.view(points, -1)).view(len(spread) // points, points * frames, channels)


class NormReluConv(torch.autograd.Function):
    """Temporal convolution of ReLU(batch norm(x)), packed frames to packed frames."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, norm: nn.BatchNorm2d, gamma: Tensor, beta: Tensor,
        conv: nn.Conv2d, kernel: Tensor, bias: Tensor, timeline: ClipTimeline,
    ) -> Tensor:  # fmt: skip
        """Return [V, S, N, C'] for ``x`` [V, S, N, C].

        Args:
            ctx: of the pass.
            x: packed frames.
            norm: for its running statistics and its mode.
            gamma: its weight.
            beta: its bias.
            conv: for its padding.
            kernel: its weight.
            bias: its bias.
            timeline: where the packed frames are.
        """
        activated, *statistics = normalise(x, norm, gamma, beta)
        ctx.save_for_backward(x, gamma, beta, *statistics, kernel)
        ctx.norm, ctx.padding, ctx.timeline = norm_settings(norm), conv.padding, timeline
        return convolve_packed(activated.relu_(), kernel, bias, conv.padding, timeline)

    @staticmethod
    @backward_pass
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of the arguments of ``forward``."""
        x, gamma, beta, mean, scale, count, kernel = ctx.saved_tensors
        position, length = ctx.timeline.position, ctx.timeline.length
        activated = normalise_again(x, gamma, beta, mean, scale, ctx.norm.eps).relu_()
        timeline, grad = (lay_out(one, position, length) for one in (activated, grad))
        of_timeline, of_kernel, of_bias = convolution_backward(grad, timeline, kernel.to(x.dtype), ctx.padding)
        of_activated = take_out(of_timeline, position)
        behind_relu_(of_activated, activated)
        of_x, of_gamma, of_beta = norm_backward(of_activated, x, gamma, mean, scale, count, ctx.norm)
        of_kernel, of_bias = of_kernel.to(kernel.dtype), of_bias.to(kernel.dtype)
        return of_x, None, of_gamma, of_beta, None, of_kernel, of_bias, None


def convolve_packed(x: Tensor, kernel: Tensor, bias: Tensor, padding: Any, timeline: ClipTimeline) -> Tensor:
    """Return the temporal convolution [V, S, N, C'] of packed frames ``x`` [V, S, N, C], without a backward pass.

    Arguments as for ``NormReluConv``.
    """
    return take_out(convolve(lay_out(x, timeline.position, timeline.length), kernel, bias, padding), timeline.position)


class NormAddRelu(torch.autograd.Function):
    """ReLU(f(batch norm(x)) + other), the end of a block; f is ReLU or nothing."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, norm: nn.BatchNorm2d, gamma: Tensor, beta: Tensor, other: Tensor, relu: bool
    ) -> Tensor:
        """Return [..., C] for ``x`` and ``other`` [..., C]; ``relu``: whether f is ReLU."""
        out, *statistics = normalise(x, norm, gamma, beta)
        if relu:
            out.relu_()
        out.add_(other).relu_()
        ctx.save_for_backward(x, gamma, beta, *statistics, out)
        ctx.norm, ctx.relu = norm_settings(norm), relu
        return out

    @staticmethod
    @backward_pass
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of the arguments of ``forward``."""
        x, gamma, beta, mean, scale, count, out = ctx.saved_tensors
        of_other = aten.threshold_backward(grad, out, 0)
        of_normal = of_other
        if ctx.relu:
            normal = normalise_again(x, gamma, beta, mean, scale, ctx.norm.eps)
            of_normal = aten.threshold_backward(of_other, normal, 0)
        of_x, of_gamma, of_beta = norm_backward(of_normal, x, gamma, mean, scale, count, ctx.norm)
        return of_x, None, of_gamma, of_beta, of_other, None


norm_relu_conv, norm_add_relu, batch_norm = NormReluConv.apply, NormAddRelu.apply, BatchNorm.apply


def fold(norm: nn.BatchNorm2d, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """Return weight [C', ...] and bias [C'] of a layer with the batch norm behind it, outside training, in them."""
    mean, variance = cast(Tensor, norm.running_mean), cast(Tensor, norm.running_var)
    scale = norm.weight * (variance + norm.eps).rsqrt()
    return weight * scale.view(-1, *[1] * (weight.ndim - 1)), (bias - mean) * scale + norm.bias


def convolve(timeline: Tensor, kernel: Tensor, bias: Tensor, padding: Any) -> Tensor:
    """Return the temporal convolution of a timeline [V, S, L, C]."""
    kernel, bias = kernel.to(timeline.dtype), bias.to(timeline.dtype)
    return _from_image(aten.convolution(_to_image(timeline), kernel, bias, *_settings(padding)), timeline)


def convolution_backward(grad: Tensor, timeline: Tensor, kernel: Tensor, padding: Any) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients of timeline, kernel and bias for that of ``convolve``'s result."""
    of_image, of_kernel, of_bias = aten.convolution_backward(
        _to_image(grad), _to_image(timeline), kernel, [len(kernel)], *_settings(padding), [True] * 3
    )
    return _from_image(of_image, timeline), of_kernel, of_bias


def behind_relu_(grad: Tensor, result: Tensor) -> Tensor:
    """Turn the gradient of a ReLU's result into that of its input."""
    return aten.threshold_backward.grad_input(grad, result, 0, grad_input=grad)


def _to_image(timeline: Tensor) -> Tensor:
    """Return [V, S, L, C] as images [V * S, C, 1, L], channels last."""
    return timeline.reshape(-1, 1, *timeline.shape[2:]).permute(0, 3, 1, 2)


def _from_image(image: Tensor, like: Tensor) -> Tensor:
    return image.permute(0, 2, 3, 1).reshape(*like.shape[:3], image.shape[1])


def _settings(padding: Any) -> tuple[list[int], list[int], list[int], bool, list[int], int]:
    """Return stride, padding, dilation, transposed, output padding and groups."""
    return [1, 1], list(padding), [1, 1], False, [0, 0], 1

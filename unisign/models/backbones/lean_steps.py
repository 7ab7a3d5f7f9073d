"""The steps of a graph block with gradients of their own, which keep little between forward and backward pass.

PyTorch keeps the input of every operation. Here a step keeps only what is dear to compute again: its input, which the
step before has made anyway, and of a batch norm the mean and the deviation. The rest (points mixed, normalised values,
the timeline with its gaps) takes one pass over memory and is made anew. Everything in between is worked on in place.

For batch norms over this process's own frames, in one precision; ``GraphBlock`` says when that holds.
Shape letters: V points, M frames of all sequences, C channels, K hops.
"""

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from unisign.models.backbones.clip_timeline import lay_out, take_out

aten = torch.ops.aten


class MixPoints(torch.autograd.Function):
    """Sum over hop k and source point v of A[k, v, w] (W_k x_v + b_k): points first, then channels."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, adjacency: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """Return [V, M, C'] for ``x`` [V, M, C], ``adjacency`` [K, V, V], ``weight`` [K, C', C], ``bias`` [K, C']."""
        ctx.save_for_backward(x, adjacency, weight, bias)
        return mix_points(x, adjacency, weight, adjacency.sum(dim=1).t() @ bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the gradients of the arguments of ``forward``."""
        x, adjacency, weight, bias = ctx.saved_tensors
        hops, points, _ = adjacency.shape
        flat, given = x.view(points, -1), grad.reshape(-1, grad.shape[-1])
        sums = given.view(points, -1, given.shape[1]).sum(dim=1)  # V C'
        around, of_weight = _mix(x, adjacency), torch.empty_like(weight)
        for k in range(hops):
            torch.mm(given.t(), around[k], out=of_weight[k])
            torch.mm(given, weight[k], out=around[k])  # now the gradient of what was mixed
        around = around.view(hops * points, -1)
        of_adjacency = torch.mm(flat, around.t()).view(points, hops, points).transpose(0, 1)
        of_adjacency += (bias @ sums.t())[:, None]
        of_x = torch.mm(adjacency.transpose(0, 1).reshape(points, -1), around)
        return of_x.view_as(x), of_adjacency, of_weight, adjacency.sum(dim=1) @ sums


def mix_points(x: Tensor, adjacency: Tensor, weight: Tensor, offset: Tensor) -> Tensor:
    """Return the sum over hop k and source point v of A[k, v, w] W_k x_v, plus ``offset`` [V, C'].

    Sizes as for ``MixPoints``.
    """
    points, frames, _ = x.shape
    mixed = x.new_empty(points, frames, weight.shape[1])
    mixed.copy_(offset[:, None])
    for around, own in zip(_mix(x, adjacency), weight, strict=True):
        mixed.view(points * frames, -1).addmm_(around, own.t())
    return mixed


def _mix(x: Tensor, adjacency: Tensor) -> Tensor:
    """Return the sum over source points of A[k, v, w] x_v, [K, V * M, C] for [V, M, C]."""
    points, frames, channels = x.shape
    around = torch.mm(adjacency.transpose(1, 2).reshape(-1, points), x.view(points, -1))
    return around.view(-1, points * frames, channels)


class NormReluConv(torch.autograd.Function):
    """Temporal convolution of ReLU(batch norm(x)), packed frames to packed frames."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, norm: nn.BatchNorm2d, gamma: Tensor, beta: Tensor,
        conv: nn.Conv2d, kernel: Tensor, bias: Tensor, position: Tensor, length: int,
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
            position: long [N]; the place of each packed frame on the timeline.
            length: frames of the timeline.
        """
        activated, *statistics = normalise(x, norm, gamma, beta)
        ctx.save_for_backward(x, gamma, beta, *statistics, kernel, position)
        ctx.norm, ctx.padding, ctx.length = norm_settings(norm), conv.padding, length
        timeline = lay_out(activated.relu_(), position, length)
        return take_out(convolve(timeline, kernel, bias, conv.padding), position)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of the arguments of ``forward``."""
        x, gamma, beta, mean, scale, kernel, position = ctx.saved_tensors
        activated = normalise_again(x, gamma, beta, mean, scale).relu_()
        timeline, grad = (lay_out(one, position, ctx.length) for one in (activated, grad))
        of_timeline, of_kernel, of_bias = convolution_backward(grad, timeline, kernel, ctx.padding)
        of_activated = take_out(of_timeline, position)
        behind_relu_(of_activated, activated)
        of_x, of_gamma, of_beta = norm_backward(of_activated, x, gamma, mean, scale, ctx.norm)
        return of_x, None, of_gamma, of_beta, None, of_kernel, of_bias, None, None


class NormAddRelu(torch.autograd.Function):
    """ReLU(f(batch norm(x)) + other), the end of a block; f is ReLU or nothing."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, norm: nn.BatchNorm2d, gamma: Tensor, beta: Tensor, other: Tensor, relu: bool
    ) -> Tensor:
        """Return [..., C] for ``x`` and ``other`` [..., C]; ``relu``: whether f is ReLU."""
        out, mean, scale = normalise(x, norm, gamma, beta)
        if relu:
            out.relu_()
        out.add_(other).relu_()
        ctx.save_for_backward(x, gamma, beta, mean, scale, out)
        ctx.norm, ctx.relu = norm_settings(norm), relu
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of the arguments of ``forward``."""
        x, gamma, beta, mean, scale, out = ctx.saved_tensors
        of_other = aten.threshold_backward(grad, out, 0)
        of_normal = of_other
        if ctx.relu:
            of_normal = aten.threshold_backward(of_other, normalise_again(x, gamma, beta, mean, scale), 0)
        of_x, of_gamma, of_beta = norm_backward(of_normal, x, gamma, mean, scale, ctx.norm)
        return of_x, None, of_gamma, of_beta, of_other, None


def fold(norm: nn.BatchNorm2d, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """Return weight [C', ...] and bias [C'] of a layer with the batch norm behind it, outside training, in them."""
    mean, variance = cast(Tensor, norm.running_mean), cast(Tensor, norm.running_var)
    scale = norm.weight * (variance + norm.eps).rsqrt()
    return weight * scale.view(-1, *[1] * (weight.ndim - 1)), (bias - mean) * scale + norm.bias


def convolve(timeline: Tensor, kernel: Tensor, bias: Tensor, padding: Any) -> Tensor:
    """Return the temporal convolution of a timeline [V, S, L, C]."""
    return _from_image(aten.convolution(_to_image(timeline), kernel, bias, *_settings(padding)), timeline)


def convolution_backward(grad: Tensor, timeline: Tensor, kernel: Tensor, padding: Any) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients of timeline, kernel and bias for that of ``convolve``'s result."""
    of_image, of_kernel, of_bias = aten.convolution_backward(
        _to_image(grad), _to_image(timeline), kernel, [len(kernel)], *_settings(padding), [True] * 3
    )
    return _from_image(of_image, timeline), of_kernel, of_bias


def normalise(x: Tensor, norm: nn.BatchNorm2d, gamma: Tensor, beta: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return batch norm over all but the last dimension, and the mean and 1 / deviation it used.

    In training the running statistics are updated.
    """
    training, eps = norm_settings(norm)
    momentum = count_batch(norm) if training else 0.0
    out, mean, scale = aten.native_batch_norm(
        to_rows(x), gamma, beta, norm.running_mean, norm.running_var, training, momentum, eps
    )
    if not training:
        mean = cast(Tensor, norm.running_mean).clone()
        scale = (cast(Tensor, norm.running_var) + eps).rsqrt()
    return _from_rows(out, x), mean, scale


def count_batch(norm: nn.BatchNorm2d) -> float:
    """Count a batch of training; return the weight of its statistics in the running ones."""
    if norm.num_batches_tracked is not None:
        norm.num_batches_tracked.add_(1)
    if norm.momentum is not None:
        return norm.momentum
    # A plain average over all batches.
    return 1.0 / float(norm.num_batches_tracked) if norm.num_batches_tracked is not None else 0.0


def normalise_again(x: Tensor, gamma: Tensor, beta: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
    """Return what ``normalise`` gave, from the statistics it used."""
    factor = gamma * scale
    return torch.addcmul(beta - mean * factor, x, factor)


def norm_settings(norm: nn.BatchNorm2d) -> tuple[bool, float]:
    """Return whether a batch norm uses the batch's statistics, and what it adds to the variance."""
    return norm.training or norm.running_mean is None, norm.eps


def norm_backward(
    grad: Tensor, x: Tensor, gamma: Tensor, mean: Tensor, scale: Tensor, settings: tuple[bool, float]
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients of input, weight and bias of a batch norm."""
    training, eps = settings
    # Outside training it asks for the running statistics and takes the deviation from the variance.
    running = (None, None) if training else (mean, scale.pow(-2) - eps)
    of_x, of_gamma, of_beta = aten.native_batch_norm_backward(
        to_rows(grad), to_rows(x), gamma, *running, mean, scale, training, eps, [True] * 3
    )
    return _from_rows(of_x, x), of_gamma, of_beta


def behind_relu_(grad: Tensor, result: Tensor) -> Tensor:
    """Turn the gradient of a ReLU's result into that of its input."""
    return aten.threshold_backward.grad_input(grad, result, 0, grad_input=grad)


def to_rows(x: Tensor) -> Tensor:
    """Return [..., C] as an image of one column, channels last: PyTorch's fast path for batch norm."""
    return x.reshape(1, -1, 1, x.shape[-1]).permute(0, 3, 1, 2)


def _from_rows(rows: Tensor, like: Tensor) -> Tensor:
    return rows.permute(0, 2, 3, 1).reshape(like.shape)


def _to_image(timeline: Tensor) -> Tensor:
    """Return [V, S, L, C] as images [V * S, C, 1, L], channels last."""
    return timeline.reshape(-1, 1, *timeline.shape[2:]).permute(0, 3, 1, 2)


def _from_image(image: Tensor, like: Tensor) -> Tensor:
    return image.permute(0, 2, 3, 1).reshape(*like.shape[:3], image.shape[1])


def _settings(padding: Any) -> tuple[list[int], list[int], list[int], bool, list[int], int]:
    """Return stride, padding, dilation, transposed, output padding and groups."""
    return [1, 1], list(padding), [1, 1], False, [0, 0], 1

"""The steps of a graph block that need much room, a few frames or points at a time: for the CPU.

They compute what ``lean_steps`` computes, and keep as little for the backward pass. There each operation goes over all
frames of all points, and what lies between two of them is as large as what goes into the block, or twice that. Here it
is a few MiB, used again and again, which a core's cache holds. Frames do not touch each other where points are mixed,
nor points where frames are. On a GPU small operations are slow, and ``lean_steps`` is used, as it is in half precision
and for batch norms that are synchronised.

Shape letters: V points, S sequences that share the weights, N packed frames, M frames of all sequences, C channels,
K hops.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from unisign.models.backbones import lean_steps
from unisign.models.backbones.clip_timeline import ClipTimeline, lay_out
from unisign.models.backbones.lean_batch_norm import norm_backward, norm_settings, norm_statistics, normalise_again
from unisign.models.backbones.lean_steps import (
    backward_pass,
    behind_relu_,
    convolution_backward,
    convolve,
    spread_of,
)
from unisign.models.backbones.tiled_convolution import TiledConvolution, can_tile
from unisign.models.block_memory import gapless_empty

# Values that are worked on at a time: where points are mixed, 4 MiB in float32, and frames, 2 MiB (3.3 in tiles).
VALUES = 1 << 20
FRAME_VALUES = 1 << 19


class MixPoints(torch.autograd.Function):
    """Sum over hop k and source point v of A[k, v, w] (W_k x_v + b_k): points first, then channels."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, adjacency: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """Return [V, M, C'] for ``x`` [V, M, C], ``adjacency`` [K, V, V], ``weight`` [K, C', C], ``bias`` [K, C']."""
        ctx.save_for_backward(x, adjacency, weight, bias)
        hops, points, _ = adjacency.shape
        offset, spread = (adjacency.sum(dim=1).t() @ bias)[:, None], spread_of(adjacency, x.dtype)
        out = gapless_empty((points, x.shape[1], weight.shape[1]), x)
        for frames, inside in _some_frames(x, hops):
            around = torch.mm(spread, inside).view(hops, -1, x.shape[2])
            mixed = torch.mm(around[0], weight[0].t())
            for k in range(1, hops):
                torch.addmm(mixed, around[k], weight[k].t(), out=mixed)
            torch.add(mixed.view(points, -1, mixed.shape[1]), offset, out=out[:, frames])
        return out

    @staticmethod
    @backward_pass
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the gradients of the arguments of ``forward``."""
        x, adjacency, weight, bias = ctx.saved_tensors
        hops, points, _ = adjacency.shape
        spread, gather = spread_of(adjacency, x.dtype), adjacency.transpose(0, 1).reshape(points, -1)
        of_weight, sums = torch.zeros_like(weight), x.new_zeros(points, weight.shape[1])
        of_gather, of_x = torch.zeros_like(gather), gapless_empty(x.shape, x)
        for (frames, inside), (_, of_inside) in zip(_some_frames(x, hops), _some_frames(of_x, hops), strict=True):
            given = grad[:, frames].reshape(-1, grad.shape[2])
            sums += given.view(points, -1, grad.shape[2]).sum(dim=1)
            around = torch.mm(spread, inside).view(hops, -1, x.shape[2])
            for k in range(hops):
                torch.addmm(of_weight[k], given.t(), around[k], out=of_weight[k])
                torch.mm(given, weight[k], out=around[k])  # now the gradient of what was mixed
            of_around = around.view(hops * points, -1)
            torch.addmm(of_gather, inside, of_around.t(), out=of_gather)
            torch.mm(gather, of_around, out=of_inside)
        of_adjacency = of_gather.view(points, hops, points).transpose(0, 1) + (bias @ sums.t())[:, None]
        return of_x, of_adjacency, of_weight, adjacency.sum(dim=1) @ sums


def _some_frames(x: Tensor, hops: int) -> Iterator[tuple[slice, Tensor]]:
    """Return slices of the frames of ``x`` [V, M, C], and views of it there, [V, m * C]."""
    points, frames, channels = x.shape
    count = max(1, VALUES // max(hops * points * channels, 1))
    for start in range(0, frames, count):
        some = slice(start, min(start + count, frames))
        yield some, x.view(points, -1)[:, some.start * channels : some.stop * channels]


class NormReluConv(torch.autograd.Function):
    """Temporal convolution of ReLU(batch norm(x)), packed frames to packed frames."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, norm: nn.BatchNorm2d, gamma: Tensor, beta: Tensor,
        conv: nn.Conv2d, kernel: Tensor, bias: Tensor, timeline: ClipTimeline,
    ) -> Tensor:  # fmt: skip
        """Return [V, S, N, C'] for ``x`` [V, S, N, C]; arguments as for ``lean_steps.NormReluConv``."""
        mean, scale, _ = norm_statistics(x, norm)
        ctx.save_for_backward(x, gamma, beta, mean, scale, kernel)
        ctx.norm, ctx.padding, ctx.timeline = norm_settings(norm), conv.padding, timeline
        out = gapless_empty((*x.shape[:-1], len(kernel)), x)
        convolution = _convolution(x, kernel, ctx.padding, timeline)
        for some in _some_points(x):
            activated = normalise_again(x[some], gamma, beta, mean, scale, norm.eps).relu_()
            convolution(activated.flatten(0, 1), bias, out[some].flatten(0, 1))
        return out

    @staticmethod
    @backward_pass
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of the arguments of ``forward``."""
        x, gamma, beta, mean, scale, kernel = ctx.saved_tensors
        of_normal = gapless_empty(x.shape, x)
        convolution = _convolution(x, kernel, ctx.padding, ctx.timeline)
        for some in _some_points(x):
            activated = normalise_again(x[some], gamma, beta, mean, scale, ctx.norm.eps).relu_()
            convolution.backward(grad[some].flatten(0, 1), activated.flatten(0, 1), of_normal[some].flatten(0, 1))
            behind_relu_(of_normal[some], activated)
        of_x, of_gamma, of_beta = norm_backward(of_normal, x, gamma, mean, scale, None, ctx.norm)
        return of_x, None, of_gamma, of_beta, None, convolution.of_kernel(), convolution.of_bias, None


norm_relu_conv = NormReluConv.apply
norm_add_relu, batch_norm = lean_steps.norm_add_relu, lean_steps.batch_norm


def convolve_packed(x: Tensor, kernel: Tensor, bias: Tensor, padding: Any, timeline: ClipTimeline) -> Tensor:
    """Do what ``lean_steps.convolve_packed`` does."""
    out = gapless_empty((*x.shape[:-1], len(kernel)), x)
    convolution = _convolution(x, kernel, padding, timeline)
    for some in _some_points(x):
        convolution(x[some].flatten(0, 1), bias, out[some].flatten(0, 1))
    return out


class _PlainConvolution:
    """What ``TiledConvolution`` is, by PyTorch's convolution."""

    def __init__(self, kernel: Tensor, padding: Any, timeline: ClipTimeline) -> None:
        self.kernel, self.padding = kernel.contiguous(memory_format=torch.channels_last), padding
        self.position, self.length = timeline.position, timeline.length
        self._of_kernel, self.of_bias = torch.zeros_like(self.kernel), kernel.new_zeros(len(kernel))

    def __call__(self, x: Tensor, bias: Tensor, out: Tensor) -> Tensor:
        timeline = lay_out(x[:, None], self.position, self.length)
        convolved = convolve(timeline, self.kernel, bias, self.padding)
        return torch.index_select(convolved[:, 0], -2, self.position, out=out)

    def backward(self, grad: Tensor, x: Tensor, out: Tensor) -> Tensor:
        given, timeline = (lay_out(one[:, None], self.position, self.length) for one in (grad, x))
        of_timeline, of_kernel, of_bias = convolution_backward(given, timeline, self.kernel, self.padding)
        self._of_kernel += of_kernel
        self.of_bias += of_bias
        return torch.index_select(of_timeline[:, 0], -2, self.position, out=out)

    def of_kernel(self) -> Tensor:
        return self._of_kernel


def _convolution(
    x: Tensor, kernel: Tensor, padding: Any, timeline: ClipTimeline
) -> TiledConvolution | _PlainConvolution:
    """Return what convolves [P, N, C] of ``x`` [..., N, C]."""
    if can_tile(x, kernel, padding):
        return TiledConvolution(kernel, timeline.position, timeline.length)
    return _PlainConvolution(kernel, padding, timeline)


def _some_points(x: Tensor) -> Iterator[slice]:
    """Return slices of the points of ``x`` [V, ...] that hold ``FRAME_VALUES`` values, at least one point."""
    count = max(1, FRAME_VALUES // max(x[0].numel(), 1))
    return (slice(start, start + count) for start in range(0, len(x), count))

"""The steps of a graph block whose passes over memory are compiled: for GPUs, with the config's ``compile``.

They compute what ``lean_steps`` computes, and keep as little for the backward pass. Products, convolutions and batch
statistics are PyTorch's own; what lies between them is compiled function by function (``memory_passes``), and not block
by block: what is kept stays what it is, synchronised batch norm and activation checkpointing go on working, and a
function is compiled in seconds, once for each number of channels, for clips of all lengths.

Shape letters: V points, S sequences that share the weights, N packed frames, C channels.
"""

from functools import partial
from typing import Any

import torch
from torch import Tensor, distributed, nn

from unisign.models.backbones import lean_steps
from unisign.models.backbones.clip_timeline import ClipTimeline, take_out
from unisign.models.backbones.lean_batch_norm import NormSettings, norm_settings, norm_statistics, wide
from unisign.models.backbones.lean_steps import backward_pass, convolution_backward, convolve
from unisign.models.backbones.memory_passes import Passes, compile_passes
from unisign.models.compilation import compile_options


class FusedSteps:
    """What ``GraphBlock`` takes in place of the module ``lean_steps``.

    Args:
        options: of ``torch.compile``.
    """

    MixPoints = lean_steps.MixPoints

    def __init__(self, options: dict[str, Any]) -> None:
        # Which sizes are free is said tensor by tensor.
        passes = compile_passes(compile_options(dict(dynamic=False) | options))
        self.norm_relu_conv, self.norm_add_relu, self.batch_norm = (
            partial(step.apply, passes) for step in (NormReluConv, NormAddRelu, BatchNorm)
        )


class NormReluConv(torch.autograd.Function):
    """Temporal convolution of ReLU(batch norm(x)), packed frames to packed frames."""

    @staticmethod
    def forward(
        ctx: Any, passes: Passes, x: Tensor, norm: nn.BatchNorm2d, gamma: Tensor, beta: Tensor,
        conv: nn.Conv2d, kernel: Tensor, bias: Tensor, timeline: ClipTimeline,
    ) -> Tensor:  # fmt: skip
        """Return [V, S, N, C'] for ``x`` [V, S, N, C]; arguments as for ``lean_steps.NormReluConv``."""
        mean, scale, count = norm_statistics(x, norm)
        of_norm = wide(gamma).detach(), wide(beta).detach(), mean, scale
        ctx.save_for_backward(x, *of_norm, count, kernel)
        ctx.passes, ctx.timeline, ctx.norm, ctx.padding = passes, timeline, norm_settings(norm), conv.padding
        rows, frame = _free(_sides(x), timeline.frame)
        activated = passes.lay_out_normal(rows, *of_norm, frame).unflatten(0, x.shape[:2])
        return take_out(convolve(activated, kernel, bias, conv.padding), timeline.position)

    @staticmethod
    @backward_pass
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of the arguments of ``forward``."""
        x, gamma, beta, mean, scale, count, kernel = ctx.saved_tensors
        passes, timeline, of_norm = ctx.passes, ctx.timeline, (gamma, beta, mean, scale)
        (frame, position), (rows, given) = _free(timeline.frame, timeline.position), _free(_sides(x), _sides(grad))
        activated, given = passes.lay_out_normal(rows, *of_norm, frame), passes.lay_out(given, frame)
        given, activated = (one.unflatten(0, x.shape[:2]) for one in (given, activated))
        of_timeline, of_kernel, of_bias = convolution_backward(given, activated, kernel.to(x.dtype), ctx.padding)
        (of_timeline,) = _free(_sides(of_timeline))
        sums = passes.laid_out_sums(of_timeline, position, rows, *of_norm)
        averages = _averages(sums, x, count, ctx.norm)
        of_x = passes.laid_out_gradient(of_timeline, position, rows, *of_norm, averages).view_as(x)
        of_kernel, of_bias = of_kernel.to(kernel.dtype), of_bias.to(kernel.dtype)
        return None, of_x, None, *sums, None, of_kernel, of_bias, None


class NormAddRelu(torch.autograd.Function):
    """ReLU(f(batch norm(x)) + other), the end of a block; f is ReLU or nothing."""

    @staticmethod
    def forward(
        ctx: Any, passes: Passes, x: Tensor, norm: nn.BatchNorm2d, gamma: Tensor, beta: Tensor,
        other: Tensor, relu: bool,
    ) -> Tensor:  # fmt: skip
        """Return [..., C] for ``x`` and ``other`` [..., C]; ``relu``: whether f is ReLU."""
        mean, scale, count = norm_statistics(x, norm)
        gamma, beta = wide(gamma).detach(), wide(beta).detach()
        rows, others = _free(_rows(x), _rows(other))
        out = passes.add_relu(rows, gamma, beta, mean, scale, others, relu).view_as(x)
        ctx.save_for_backward(x, gamma, beta, mean, scale, count, out)
        ctx.passes, ctx.norm, ctx.relu = passes, norm_settings(norm), relu
        return out

    @staticmethod
    @backward_pass
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of the arguments of ``forward``."""
        x, gamma, beta, mean, scale, count, out = ctx.saved_tensors
        rows = _free(*map(_rows, (grad, out, x)))
        sums = ctx.passes.added_sums(*rows, gamma, beta, mean, scale, ctx.relu)
        averages = _averages(sums, x, count, ctx.norm)
        both = ctx.passes.added_gradients(*rows, gamma, beta, mean, scale, averages, ctx.relu)
        of_x, of_other = (one.view_as(x) for one in both)
        return None, of_x, None, *sums, of_other, None


class BatchNorm(torch.autograd.Function):
    """Batch norm over all but the last dimension."""

    @staticmethod
    def forward(ctx: Any, passes: Passes, x: Tensor, norm: nn.BatchNorm2d, gamma: Tensor, beta: Tensor) -> Tensor:
        """Return [..., C] for ``x`` [..., C]; ``gamma``, ``beta``: weight and bias of ``norm``."""
        mean, scale, count = norm_statistics(x, norm)
        gamma, beta = wide(gamma).detach(), wide(beta).detach()
        ctx.save_for_backward(x, gamma, mean, scale, count)
        ctx.passes, ctx.norm = passes, norm_settings(norm)
        return passes.norm(*_free(_rows(x)), gamma, beta, mean, scale).view_as(x)

    @staticmethod
    @backward_pass
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of the arguments of ``forward``."""
        x, gamma, mean, scale, count = ctx.saved_tensors
        rows = _free(_rows(grad), _rows(x))
        sums = ctx.passes.norm_sums(*rows, mean, scale)
        averages = _averages(sums, x, count, ctx.norm)
        of_x = ctx.passes.norm_gradient(*rows, gamma, mean, scale, averages).view_as(x)
        return None, of_x, None, *sums


def _averages(sums: Tensor, x: Tensor, count: Tensor | None, settings: NormSettings) -> Tensor:
    """Return the averages [2, C] over all rows of ``x`` [..., C], or of all processes', for this process's sums."""
    if not settings.training:
        return torch.zeros_like(sums)
    if settings.group is None or count is None:
        return sums / (x.numel() // x.shape[-1])
    joint = sums.flatten().clone()  # of the form in which the other steps send them
    distributed.all_reduce(joint, group=settings.group)
    return joint.view_as(sums) / count.clamp(min=1).to(sums.dtype)


def _rows(x: Tensor) -> Tensor:
    return x.reshape(-1, x.shape[-1])


def _sides(x: Tensor) -> Tensor:
    """Return [V, S, .., C] as [V * S, .., C]."""
    return x.flatten(0, 1)


def _free(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Return tensors whose sizes are free but for the channels, so that one function serves them all."""
    alone = tuple(one.detach() for one in tensors)  # one function, whether gradients are wanted or not
    for one in alone:
        torch._dynamo.maybe_mark_dynamic(one, list(range(max(one.ndim - 1, 1))))
    return alone

"""Batch norm for ``lean_steps``, both directions: what is kept between them are the mean and 1 / deviation.

The input may be in half precision (autocast); statistics, weight and bias are float32 all the same. Synchronised batch
norm takes one all-reduce of sums in each direction, on any device, also with no frame on some of the processes.
Shape letters: M frames of all points and sequences, C channels.
"""

from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, distributed, nn
from torch.autograd.function import once_differentiable

aten = torch.ops.aten
WIDE = (torch.float32, torch.float64)


@dataclass(frozen=True)
class NormSettings:
    """How a batch norm runs.

    Attributes:
        training: it uses the batch's statistics, not the running ones.
        eps: what it adds to the variance.
        group: the processes whose frames are one batch; None: this process alone.
    """

    training: bool
    eps: float
    group: Any = None


def norm_settings(norm: nn.BatchNorm2d | nn.SyncBatchNorm) -> NormSettings:
    """Return how a batch norm runs now."""
    training = norm.training or norm.running_mean is None
    return NormSettings(training, norm.eps, _others(norm) if norm.training else None)


def _others(norm: nn.BatchNorm2d | nn.SyncBatchNorm) -> Any:
    """Return the process group of a synchronised batch norm, if there are others in it."""
    synchronised = isinstance(norm, nn.SyncBatchNorm) and distributed.is_available() and distributed.is_initialized()
    group: Any = norm.process_group if synchronised else None
    return (group or distributed.group.WORLD) if synchronised and distributed.get_world_size(group) > 1 else None


def can_be_lean(norm: nn.Module) -> bool:
    """Tell whether this module knows the kind of batch norm; its statistics must not be in half precision."""
    known = type(norm) is nn.BatchNorm2d or type(norm) is nn.SyncBatchNorm
    mean = norm.running_mean if known else None
    return known and (mean is None or cast(Tensor, mean).dtype in WIDE)


class BatchNorm(torch.autograd.Function):
    """Batch norm over all but the last dimension, as the other steps do it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, norm: nn.BatchNorm2d, gamma: Tensor, beta: Tensor) -> Tensor:
        """Return [..., C] for ``x`` [..., C]; ``gamma``, ``beta``: weight and bias of ``norm``."""
        out, *statistics = normalise(x, norm, gamma, beta)
        ctx.save_for_backward(x, gamma, *statistics)
        ctx.norm = norm_settings(norm)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of the arguments of ``forward``."""
        x, gamma, mean, scale, count = ctx.saved_tensors
        of_x, of_gamma, of_beta = norm_backward(grad, x, gamma, mean, scale, count, ctx.norm)
        return of_x, None, of_gamma, of_beta


def normalise(
    x: Tensor, norm: nn.BatchNorm2d, gamma: Tensor, beta: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    """Return batch norm over all but the last dimension, the mean and 1 / deviation it used, and of how many rows.

    The last is there for synchronised statistics alone: the rows [...] of all processes, a tensor with one element. In
    training the running statistics are updated.
    """
    settings = norm_settings(norm)
    if settings.group is not None:
        mean, scale, count = norm_statistics(x, norm)
        return normalise_again(x, gamma, beta, mean, scale, settings.eps), mean, scale, count
    momentum = count_batch(norm, settings.training)
    gamma, beta = wide(gamma), wide(beta)
    out, mean, scale = aten.native_batch_norm(
        to_rows(x), gamma, beta, norm.running_mean, norm.running_var, settings.training, momentum, settings.eps
    )
    if not settings.training:
        mean, scale, _ = norm_statistics(x, norm)
    return _from_rows(out, x), mean, scale, None


def norm_statistics(x: Tensor, norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return what ``normalise`` returns beside the result, and do to the running statistics what it does."""
    settings = norm_settings(norm)
    if not settings.training:
        mean, variance = cast(Tensor, norm.running_mean).clone(), cast(Tensor, norm.running_var)
        return mean, (variance + settings.eps).rsqrt(), None
    momentum, count = count_batch(norm, True), None
    if settings.group is not None:
        mean, variance, count = _joint_statistics(x, settings.group)
        _update(norm, mean, variance, count, momentum)
    else:
        mean, variance = aten.batch_norm_update_stats(to_rows(x), norm.running_mean, norm.running_var, momentum)
    return mean, (variance + settings.eps).rsqrt(), count


def normalise_again(x: Tensor, gamma: Tensor, beta: Tensor, mean: Tensor, scale: Tensor, eps: float) -> Tensor:
    """Return what ``normalise`` gave, from the statistics it used."""
    if not x.numel():
        return torch.empty_like(x)
    if x.dtype in WIDE:
        factor = gamma * scale
        return torch.addcmul(beta - mean * factor, x, factor)
    # One pass that reads and writes half precision; addcmul would give float32.
    variance = scale.pow(-2) - eps
    out, *_ = aten.native_batch_norm(to_rows(x), wide(gamma), wide(beta), mean, variance, False, 0.0, eps)
    return _from_rows(out, x)


def norm_backward(
    grad: Tensor, x: Tensor, gamma: Tensor, mean: Tensor, scale: Tensor, count: Tensor | None, settings: NormSettings
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients of input, weight and bias of a batch norm, from what ``normalise`` returned.

    Those of weight and bias are of this process's rows, as PyTorch's synchronised batch norm gives them: the model
    wrapper adds gradients up.
    """
    if settings.group is not None and count is not None:
        return _joint_backward(grad, x, gamma, mean, scale, count, settings)
    # Outside training it asks for the running statistics and takes the deviation from the variance.
    running = (None, None) if settings.training else (mean, scale.pow(-2) - settings.eps)
    of_x, of_gamma, of_beta = aten.native_batch_norm_backward(
        to_rows(grad), to_rows(x), wide(gamma), *running, mean, scale, settings.training, settings.eps, [True] * 3
    )
    return _from_rows(of_x, x), of_gamma, of_beta


def _joint_backward(
    grad: Tensor, x: Tensor, gamma: Tensor, mean: Tensor, scale: Tensor, count: Tensor, settings: NormSettings
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients where statistics are those of all processes.

    of_x = gamma scale (grad - sum(grad) / n - normal sum(grad normal) / n), ``normal`` being (x - mean) scale and both
    sums over the n rows of all processes: what batch norm with fixed statistics gives, and another batch norm of ``x``.
    """
    fixed = NormSettings(False, settings.eps)
    of_gamma, of_beta = torch.zeros_like(mean), torch.zeros_like(mean)
    of_x = torch.empty_like(x)
    if x.numel():
        of_x, of_gamma, of_beta = norm_backward(grad, x, gamma, mean, scale, None, fixed)
    sums = torch.cat([of_gamma, of_beta])
    distributed.all_reduce(sums, group=settings.group)
    factor = (-wide(gamma) * scale / count.clamp(min=1)).to(sums.dtype)
    with_normal, alone = (factor * each for each in sums.chunk(2))
    of_x += normalise_again(x, with_normal, alone, mean, scale, settings.eps)
    return of_x, of_gamma, of_beta


def _joint_statistics(x: Tensor, group: Any) -> tuple[Tensor, Tensor, Tensor]:
    """Return mean and variance [C] of the rows of all processes, and how many rows these are."""
    channels, rows = x.shape[-1], x.numel() // x.shape[-1]
    kind = torch.promote_types(x.dtype, torch.float32)
    sums = torch.zeros(2 * channels + 1, dtype=torch.float64, device=x.device)
    if rows:
        # Statistics are put in to get float32 ones out; a momentum of 0 leaves them alone.
        kept = torch.zeros(channels, dtype=kind, device=x.device)
        mean, variance = (one.double() for one in aten.batch_norm_update_stats(to_rows(x), kept, kept.clone(), 0.0))
        sums = torch.cat([rows * mean, rows * (variance + mean.square()), sums.new_full((1,), rows)])
    distributed.all_reduce(sums, group=group)
    # In float64 the difference of the two large numbers loses nothing that float32 would have had.
    count = sums[-1]
    mean, square = (sums[:-1] / count.clamp(min=1)).chunk(2)
    return mean.to(kind), (square - mean.square()).clamp(min=0).to(kind), count


def _update(norm: nn.BatchNorm2d, mean: Tensor, variance: Tensor, count: Tensor, momentum: float) -> None:
    """Move the running statistics towards the batch's, as PyTorch does, with the unbiased variance.

    A batch without frames on any process moves nothing.
    """
    if norm.running_mean is None or norm.running_var is None:
        return
    unbiased = variance * (count / (count - 1).clamp(min=1)).to(variance.dtype)
    weight = momentum * (count > 0)
    for running, new in ((norm.running_mean, mean), (norm.running_var, unbiased)):
        running.lerp_(new.to(running.dtype), weight.to(running.dtype))


def count_batch(norm: nn.BatchNorm2d, training: bool) -> float:
    """Count the batch, and return the weight of its statistics in the running ones."""
    if training and norm.num_batches_tracked is not None:
        norm.num_batches_tracked.add_(1)
    if norm.momentum is not None:
        return norm.momentum
    # A plain average over all batches.
    return 1.0 / float(norm.num_batches_tracked) if norm.num_batches_tracked is not None else 0.0


def wide(weight: Tensor) -> Tensor:
    """Return a weight in float32 at least: sharded models may hand out half precision."""
    return weight if weight.dtype in WIDE else weight.float()


def to_rows(x: Tensor) -> Tensor:
    """Return [..., C] as an image of one column, channels last: PyTorch's fast path for batch norm."""
    return x.reshape(1, -1, 1, x.shape[-1]).permute(0, 3, 1, 2)


def _from_rows(rows: Tensor, like: Tensor) -> Tensor:
    return rows.permute(0, 2, 3, 1).reshape(like.shape)

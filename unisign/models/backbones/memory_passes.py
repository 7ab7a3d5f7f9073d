"""What a graph block does between its products, each as one pass over memory: formulas for ``torch.compile``.

PyTorch has an operation for each of normalising, ReLU, adding, laying out frames and their gradients, and each reads
and writes all frames. Compiled, one of the functions below is one kernel, or two where it sums. They are written for
that alone: not compiled they are slow. Values are computed in float32 at least and rounded to the input's precision.

Shape letters: P points and sequences, N packed frames, L frames of the timeline, R rows (P * N), C channels. ``gamma``
and ``beta`` [C] are weight and bias of a batch norm, ``mean`` and ``scale`` [C] the mean and 1 / deviation that it
uses; ``averages`` [2, C] are ``sums`` over the number of rows, zeros where the statistics are fixed.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor


def lay_out(x: Tensor, frame: Tensor) -> Tensor:
    """Return packed frames ``x`` [P, N, C] on the timeline, [P, L, C]; ``frame``: see ``ClipTimeline``."""
    return torch.where((frame >= 0)[:, None], x.index_select(1, frame.clamp(min=0)), 0)


def lay_out_normal(x: Tensor, gamma: Tensor, beta: Tensor, mean: Tensor, scale: Tensor, frame: Tensor) -> Tensor:
    """Return ReLU(batch norm(x)) of packed frames ``x`` [P, N, C] on the timeline, [P, L, C]."""
    # Chosen first, so that what is chosen from is in memory already.
    normal = _normal(x.index_select(1, frame.clamp(min=0)), gamma, beta, mean, scale)
    return torch.where((frame >= 0)[:, None], normal.relu(), 0).to(x.dtype)


def laid_out_sums(
    grad: Tensor, position: Tensor, x: Tensor, gamma: Tensor, beta: Tensor, mean: Tensor, scale: Tensor
) -> Tensor:
    """Return the gradients [2, C] of ``gamma`` and ``beta`` for that of the result of ``lay_out_normal``.

    Args:
        grad: [P, L, C].
        position: long [N]; the place of each packed frame on the timeline.
        x: [P, N, C], as were the other arguments.
        gamma: of the norm.
        beta: of the norm.
        mean: that it used.
        scale: that it used.
    """
    return norm_sums(_of_laid_out(grad, position, x, gamma, beta, mean, scale), x, mean, scale)


def laid_out_gradient(
    grad: Tensor, position: Tensor, x: Tensor, gamma: Tensor, beta: Tensor, mean: Tensor, scale: Tensor,
    averages: Tensor,
) -> Tensor:  # fmt: skip
    """Return the gradient of ``x`` [P, N, C]; other arguments as for ``laid_out_sums``."""
    given = _of_laid_out(grad, position, x, gamma, beta, mean, scale)
    return norm_gradient(given, x, gamma, mean, scale, averages)


def add_relu(x: Tensor, gamma: Tensor, beta: Tensor, mean: Tensor, scale: Tensor, other: Tensor, relu: bool) -> Tensor:
    """Return ReLU(f(batch norm(x)) + other) for ``x`` and ``other`` [R, C]; ``relu``: f is ReLU, else nothing."""
    normal = _normal(x, gamma, beta, mean, scale)
    return ((normal.relu() if relu else normal) + other).relu().to(x.dtype)


def added_sums(
    grad: Tensor, out: Tensor, x: Tensor, gamma: Tensor, beta: Tensor, mean: Tensor, scale: Tensor, relu: bool
) -> Tensor:
    """Return the gradients [2, C] of ``gamma`` and ``beta`` for ``grad`` [R, C], that of the result ``out``."""
    return norm_sums(_of_added(grad, out, x, gamma, beta, mean, scale, relu), x, mean, scale)


def added_gradients(
    grad: Tensor, out: Tensor, x: Tensor, gamma: Tensor, beta: Tensor, mean: Tensor, scale: Tensor, averages: Tensor,
    relu: bool,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Return the gradients of ``x`` and ``other`` for ``grad``; other arguments as for ``added_sums``."""
    given = _of_added(grad, out, x, gamma, beta, mean, scale, relu)
    return norm_gradient(given, x, gamma, mean, scale, averages), torch.where(out > 0, grad, 0)


def norm(x: Tensor, gamma: Tensor, beta: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
    """Return the batch norm of ``x`` [R, C]."""
    return _normal(x, gamma, beta, mean, scale).to(x.dtype)


def norm_sums(grad: Tensor, x: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
    """Return the gradients [2, C] of ``gamma`` and ``beta`` for ``grad`` [.., C], that of the batch norm of ``x``."""
    rows = tuple(range(x.ndim - 1))
    given = grad.to(mean.dtype)
    return torch.stack([(given * ((x - mean) * scale)).sum(dim=rows), given.sum(dim=rows)])


def norm_gradient(grad: Tensor, x: Tensor, gamma: Tensor, mean: Tensor, scale: Tensor, averages: Tensor) -> Tensor:
    """Return the gradient of ``x`` [.., C]: gamma scale (grad - its average - normal times that of both)."""
    normal = (x - mean) * scale
    return (gamma * scale * (grad - averages[1] - normal * averages[0])).to(x.dtype)


class Passes(NamedTuple):
    """The functions above, compiled."""

    lay_out: Callable[..., Tensor]
    lay_out_normal: Callable[..., Tensor]
    laid_out_sums: Callable[..., Tensor]
    laid_out_gradient: Callable[..., Tensor]
    add_relu: Callable[..., Tensor]
    added_sums: Callable[..., Tensor]
    added_gradients: Callable[..., tuple[Tensor, Tensor]]
    norm: Callable[..., Tensor]
    norm_sums: Callable[..., Tensor]
    norm_gradient: Callable[..., Tensor]


def compile_passes(options: dict[str, Any]) -> Passes:
    """Return the functions through ``torch.compile`` with some options; they are compiled at their first calls."""
    return Passes(*(torch.compile(globals()[name], **options) for name in Passes._fields))


def _normal(x: Tensor, gamma: Tensor, beta: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
    return (x - mean) * (gamma * scale) + beta


def _of_laid_out(
    grad: Tensor, position: Tensor, x: Tensor, gamma: Tensor, beta: Tensor, mean: Tensor, scale: Tensor
) -> Tensor:
    return torch.where(_normal(x, gamma, beta, mean, scale) > 0, grad.index_select(1, position), 0)


def _of_added(
    grad: Tensor, out: Tensor, x: Tensor, gamma: Tensor, beta: Tensor, mean: Tensor, scale: Tensor, relu: bool
) -> Tensor:
    passed = out > 0
    return torch.where(passed & (_normal(x, gamma, beta, mean, scale) > 0) if relu else passed, grad, 0)

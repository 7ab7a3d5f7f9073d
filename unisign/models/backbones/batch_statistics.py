"""Batch norms inside networks that are not ours: empty batches, and passes that are computed a second time."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.nn.modules.batchnorm import _BatchNorm


@contextmanager
def guarded_statistics(network: nn.Module, empty: bool, again: bool = False) -> Iterator[None]:
    """Keep the running statistics of a network's batch norms right during a pass in training.

    Args:
        network: any module.
        empty: the batch is empty (see ``is_empty``), of which batch norm in training would make NaN: it uses the
            running statistics and leaves them alone.
        again: the pass repeats an earlier one (activation checkpointing), which has updated the statistics already.
    """
    norms: list[Any] = [norm for norm in network.modules() if isinstance(norm, _BatchNorm) and norm.training]
    buffers = [dict(norm._buffers) for norm in norms]
    for norm in norms:
        norm.training, norm.guarded_as = not empty, _Pass(empty)
        if again:
            norm._buffers.update(_copies(norm))
    try:
        yield
    finally:
        for norm, before in zip(norms, buffers, strict=True):
            norm.training, norm.guarded_as.over = True, True
            norm._buffers.update(before)


def guard_repetitions(network: nn.Module) -> None:
    """Make a network that checkpoints activations by itself leave its statistics alone when it repeats a pass.

    It does so in the backward pass, outside of ``guarded_statistics``: a batch norm in training would update its
    statistics a second time, and with those of an empty batch, which are NaN.
    """
    norms: list[Any] = [norm for norm in network.modules() if isinstance(norm, _BatchNorm)]
    for norm in norms:
        if not hasattr(norm, 'guarded_as'):
            norm.guarded_as = None  # the last pass in ``guarded_statistics``
            norm.register_forward_pre_hook(_start_repetition)
            norm.register_forward_hook(_end_repetition, always_call=True)


@dataclass
class _Pass:
    """A pass of a batch norm: of an empty batch or not, under way or over; buffers put aside during its repetition."""

    empty: bool
    over: bool = False
    buffers: dict[str, Tensor | None] | None = None


def _start_repetition(norm: Any, inputs: Any) -> None:
    done = norm.guarded_as
    if norm.training and done is not None and done.over:
        norm.training, done.buffers = not done.empty, dict(norm._buffers)
        norm._buffers.update(_copies(norm))


def _end_repetition(norm: Any, inputs: Any, output: Any) -> None:
    done = norm.guarded_as
    if done is not None and done.buffers is not None:
        norm._buffers.update(done.buffers)
        norm.training, done.buffers = True, None


def _copies(norm: nn.Module) -> dict[str, Tensor]:
    """Return copies of the buffers, to be updated and thrown away."""
    return {name: value.clone() for name, value in norm._buffers.items() if value is not None}


def is_empty(network: nn.Module, count: int, device: torch.device) -> bool:
    """Tell whether a batch of ``count`` items is empty as far as the batch norms of ``network`` are concerned.

    With synchronised batch norm in training, processes with and without items meet in the same collectives, so only a
    batch that is empty on all of them counts. Every process must then call this.
    """
    norms = [module for module in network.modules() if isinstance(module, nn.SyncBatchNorm) and module.training]
    if not norms or not distributed.is_available() or not distributed.is_initialized():
        return count == 0
    total = torch.tensor([count], device=device)
    distributed.all_reduce(total)
    return total.item() == 0

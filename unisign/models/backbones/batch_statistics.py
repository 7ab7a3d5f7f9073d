"""Batch norms inside networks that are not ours: empty batches, and passes that are computed a second time."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import distributed, nn
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
    norms = [module for module in network.modules() if isinstance(module, _BatchNorm) and module.training]
    buffers = [dict(norm._buffers) for norm in norms]
    for norm in norms:
        norm.training = not empty
        if again:  # update copies, which are thrown away
            norm._buffers.update({name: value.clone() for name, value in norm._buffers.items() if value is not None})
    try:
        yield
    finally:
        for norm, before in zip(norms, buffers, strict=True):
            norm.training = True
            norm._buffers.update(before)


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

"""Batches for validation and testing: every clip exactly once."""

from collections.abc import Iterator

import numpy as np

from unisign.datasets.samplers.epoch_sampler import EpochSampler
from unisign.registry import DATA_SAMPLERS


@DATA_SAMPLERS.register_module()
class EvalBatchSampler:
    """Batches of clips of similar length, the longest first, each clip on exactly one rank.

    The clips are sorted by length and dealt out to the ranks like cards. Nothing is repeated to make ranks equal: they
    may differ by one clip and one batch, and with fewer clips than ranks some have no batch at all. The longest come
    first so that a batch too large for the memory fails at once. The order is the same in every epoch; whether the
    sampler shuffles does not matter.

    Args:
        sampler: gives dataset and rank.
        batch_size: clips a batch.

    Raises:
        ValueError: if ``batch_size`` is below 1.
        TypeError: if the dataset has no ``lengths``.
    """

    def __init__(self, sampler: EpochSampler, batch_size: int) -> None:
        if batch_size < 1:
            raise ValueError(f'batch_size should be at least 1, got {batch_size}')
        if not hasattr(sampler.dataset, 'lengths'):
            raise TypeError(f'{type(sampler.dataset).__name__} has no lengths; EvalBatchSampler needs them')
        self.sampler = sampler
        self.batch_size = batch_size

    def __len__(self) -> int:
        share = len(range(self.sampler.rank, len(self.sampler.dataset), self.sampler.world_size))
        return -(-share // self.batch_size)

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        order = np.argsort(-np.asarray(self.sampler.dataset.lengths), kind='stable')
        mine = order[self.sampler.rank :: self.sampler.world_size].tolist()
        for begin in range(0, len(mine), self.batch_size):
            yield [(0, index) for index in mine[begin : begin + self.batch_size]]

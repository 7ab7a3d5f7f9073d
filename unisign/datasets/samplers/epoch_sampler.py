"""The order of the clips in an epoch."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from mmengine.dist import get_dist_info, sync_random_seed
from torch.utils.data import Sampler

from unisign.registry import DATA_SAMPLERS


@DATA_SAMPLERS.register_module()
class EpochSampler(Sampler):
    """Every clip once an epoch, in an order that depends on seed and epoch alone.

    The batch samplers of this library take the order of all ranks from ``epoch_order`` and share it out themselves.
    Used without one of them, it yields ``(epoch, index)`` of this rank's share; all ranks get the same number of clips,
    the first ones being used again where they do not divide evenly.

    Args:
        dataset: what is sampled from; anything with a length.
        shuffle: a new order each epoch; False keeps the order of the annotation file.
        seed: the same on all ranks; None draws one and shares it.

    Attributes:
        clips_per_epoch: over all ranks.
    """

    def __init__(self, dataset: Any, shuffle: bool = True, seed: int | None = None) -> None:
        self.dataset = dataset
        self.shuffle = shuffle
        self.seed = sync_random_seed() if seed is None else seed
        self.rank, self.world_size = get_dist_info()
        self.epoch = 0
        self.clips_per_epoch = len(dataset)

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch the next iteration is."""
        self.epoch = epoch

    def epoch_order(self) -> np.ndarray:
        """Return the clips' indices in this epoch's order, int64 [N], the same on every rank."""
        if not self.shuffle:
            return np.arange(len(self.dataset))
        return np.random.default_rng((self.seed, self.epoch)).permutation(len(self.dataset))

    def __iter__(self) -> Iterator[tuple[int, int]]:
        padded = np.resize(self.epoch_order(), len(self) * self.world_size)
        return ((self.epoch, int(index)) for index in padded[self.rank :: self.world_size])

    def __len__(self) -> int:
        return -(-self.clips_per_epoch // self.world_size)

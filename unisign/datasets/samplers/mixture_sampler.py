"""Which clips of several datasets make up an epoch."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.logging import print_log

from unisign.datasets.samplers.epoch_sampler import EpochSampler
from unisign.registry import DATA_SAMPLERS
from unisign.structures import DataError


@DATA_SAMPLERS.register_module()
class MixtureSampler(EpochSampler):
    """Draws each epoch from several datasets by given shares.

    An epoch has ``epoch_size`` clips. Of dataset i, with n_i clips, it takes the share p_i of them, always the same
    number (rounded so that they sum up to ``epoch_size``):

    - ``temperature`` T: p_i proportional to n_i^(1/T). 1 draws every dataset as it is; the larger T, the more even.
    - ``weights`` w: p_i proportional to w_i, whatever the sizes.

    Nothing is drawn a second time from a dataset before all of its clips were drawn, over the epochs: each pass through
    a dataset is a permutation that depends on (seed, place of the dataset, number of the pass), and an epoch goes on
    where the one before ended. So an epoch depends on seed and epoch alone, is the same on every rank, and any part of
    it can be computed without the ones before.

    Args:
        dataset: a ``ConcatSignDataset``, or anything with ``sizes``: name -> clips, in the order of the clips.
        weights: one positive number a dataset, in their order.
        temperature: positive; None is 1 where no weights are given.
        epoch_size: clips an epoch, over all ranks; None takes as many as the datasets have together.
        shuffle: must be True: draws have no order of their own.
        seed: the same on all ranks; None draws one and shares it.

    Attributes:
        counts: name -> clips an epoch.

    Raises:
        DataError: if the dataset has no parts, weights do not fit, a number is not positive, or a dataset gets no clip.
    """

    def __init__(
        self,
        dataset: Any,
        weights: Sequence[float] | None = None,
        temperature: float | None = None,
        epoch_size: int | None = None,
        shuffle: bool = True,
        seed: int | None = None,
    ) -> None:
        super().__init__(dataset, shuffle, seed)
        sizes = getattr(dataset, 'sizes', None)
        if not isinstance(sizes, dict):
            raise DataError(
                'MixtureSampler', f'{type(dataset).__name__} has no parts to mix.', 'Use it with a ConcatSignDataset.'
            )
        if not shuffle:
            raise DataError('MixtureSampler', 'draws at random, so shuffle=False means nothing.', 'Use EpochSampler.')
        self.sizes: dict[str, int] = sizes
        self.clips_per_epoch = sum(sizes.values()) if epoch_size is None else epoch_size
        shares = mixture_shares(sizes, weights, temperature)
        self.counts = dict(zip(sizes, share_out(self.clips_per_epoch, shares), strict=True))
        unused = [name for name, count in self.counts.items() if not count]
        if unused:
            raise DataError(
                'MixtureSampler',
                f'an epoch of {self.clips_per_epoch} clips has none of {", ".join(unused)}.',
                'Give larger weights or a larger epoch_size, or leave the dataset out.',
            )
        print_log(f'An epoch draws {self.clips_per_epoch} clips: {", ".join(self.mixture.values())}.', 'current')

    @property
    def mixture(self) -> dict[str, str]:
        """What an epoch draws, for people: name -> such as ``toy-en: 800 of 1200``."""
        return {name: f'{name}: {count} of {self.sizes[name]}' for name, count in self.counts.items()}

    def epoch_order(self) -> np.ndarray:
        """Return the clips' indices in this epoch's order, int64 [epoch_size], the same on every rank."""
        drawn, first = [], 0
        for place, (name, size) in enumerate(self.sizes.items()):
            count = self.counts[name]
            drawn.append(first + self._draw(place, size, self.epoch * count, count))
            first += size
        # A stream of its own: EpochSampler's and the batch samplers' are (seed, epoch) and (seed, epoch, 1).
        order = np.random.default_rng((self.seed, self.epoch, 2)).permutation(self.clips_per_epoch)
        return np.concatenate(drawn)[order]

    def _draw(self, place: int, size: int, begin: int, count: int) -> np.ndarray:
        """Return draws ``begin`` to ``begin + count`` from one dataset, as indices in it."""
        passes = range(begin // size, (begin + count - 1) // size + 1)
        indices = np.concatenate([np.random.default_rng((self.seed, place, n, 3)).permutation(size) for n in passes])
        start = begin - passes.start * size
        return indices[start : start + count]


def mixture_shares(
    sizes: dict[str, int], weights: Sequence[float] | None = None, temperature: float | None = None
) -> list[float]:
    """Return the share of each dataset in an epoch, summing up to 1; see ``MixtureSampler``.

    Raises:
        DataError: if both or wrong numbers are given.
    """
    if weights is None:
        temperature = 1.0 if temperature is None else temperature
        if not temperature > 0:
            raise DataError('MixtureSampler', f'temperature should be positive, got {temperature}.')
        largest = max(sizes.values())  # so that a small temperature does not overflow
        weights = [(size / largest) ** (1 / temperature) for size in sizes.values()]
    elif temperature is not None:
        raise DataError('MixtureSampler', 'got weights and a temperature.', 'Give one of them.')
    elif len(weights) != len(sizes) or not all(0 < weight < math.inf for weight in weights):
        raise DataError(
            'MixtureSampler',
            f'weights should be {len(sizes)} positive numbers, one for each of {", ".join(sizes)}; '
            f'got {list(weights)}.',
            'Leave a dataset that should not be drawn out of datasets=[..].',
        )
    return [weight / sum(weights) for weight in weights]


def share_out(total: int, shares: Sequence[float]) -> list[int]:
    """Return whole numbers near ``total * share`` that sum up to ``total``, by the largest remainders."""
    exact = [total * share for share in shares]
    counts = [math.floor(one + 1e-9) for one in exact]  # 3 * (1 / 3) may be a little less than 1
    by_remainder = sorted(range(len(shares)), key=lambda i: (counts[i] - exact[i], i))
    for i in by_remainder[: total - sum(counts)]:
        counts[i] += 1
    return counts

"""Batches of clips of similar length, for training."""

from collections.abc import Iterator

import numpy as np

from unisign.datasets.samplers.epoch_sampler import EpochSampler
from unisign.registry import DATA_SAMPLERS


@DATA_SAMPLERS.register_module()
class LengthBucketBatchSampler:
    """Put clips of similar length into one batch, so that little of it is padding, and still shuffle every epoch.

    All ranks work out the same plan from (seed, epoch): the shuffled clips are cut into windows of ``window`` steps,
    each window is sorted by length and cut into steps of ``batch_size`` clips a rank, and the steps are shuffled. Of a
    step's clips each rank takes every ``world_size``-th, so ranks that wait for one another have similar lengths.

    Every clip of the sampler's epoch is used once. The clips left over behind the last full step make up a smaller step
    of their own (``drop_last`` leaves them out); where they do not share out evenly over the ranks, up to
    ``world_size - 1`` of them are used twice, so that every rank has the same number of batches, of the same size.

    Set ``start_batch`` to go on in the middle of an epoch: the next iteration leaves out that many batches without
    reading them; the one after that is whole again.

    Args:
        sampler: an ``EpochSampler``; gives dataset, order, epoch and rank.
        batch_size: clips a rank and step.
        window: steps that are sorted together. 1 is no bucketing; more is less padding, and batches less mixed in
            length.
        drop_last: leave out the last, smaller step.

    Raises:
        ValueError: if a number is below 1, or nothing is left with ``drop_last``.
        TypeError: if the dataset has no ``lengths``.
    """

    def __init__(self, sampler: EpochSampler, batch_size: int, window: int = 50, drop_last: bool = False) -> None:
        if batch_size < 1 or window < 1:
            raise ValueError(f'batch_size and window should be at least 1, got {batch_size} and {window}')
        if not hasattr(sampler.dataset, 'lengths'):
            raise TypeError(f'{type(sampler.dataset).__name__} has no lengths; LengthBucketBatchSampler needs them')
        self.sampler = sampler
        self.batch_size = batch_size
        self.window = window
        self.drop_last = drop_last
        self.start_batch = 0
        self.lengths = np.asarray(sampler.dataset.lengths)
        if len(self) == 0:
            clips = self.sampler.clips_per_epoch
            raise ValueError(f'{clips} clips make no batch of {self._clips_a_step} (with drop_last={drop_last})')

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch the next iteration is."""
        self.sampler.set_epoch(epoch)

    def __len__(self) -> int:
        """Batches a rank and epoch, whatever ``start_batch`` is."""
        steps, left = divmod(self.sampler.clips_per_epoch, self._clips_a_step)
        return steps if self.drop_last else steps + (left > 0)

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        # A generator on purpose: DataLoader asks for two iterators where it has workers, and uses the second.
        start, self.start_batch = self.start_batch, 0
        if not 0 <= start <= len(self):
            raise ValueError(f'start_batch should be 0..{len(self)}, got {start}')
        epoch = self.sampler.epoch
        for step in self._steps()[start:]:
            yield [(epoch, index) for index in step[self.sampler.rank :: self.sampler.world_size].tolist()]

    @property
    def _clips_a_step(self) -> int:
        return self.batch_size * self.sampler.world_size

    def _steps(self) -> list[np.ndarray]:
        """Return the clips of every step of the epoch, over all ranks."""
        order = self.sampler.epoch_order()
        size = self._clips_a_step
        steps = []
        for begin in range(0, len(order), size * self.window):
            window = order[begin : begin + size * self.window]
            window = window[np.argsort(self.lengths[window], kind='stable')]
            steps += [window[i : i + size] for i in range(0, len(window), size)]
        left = len(steps[-1]) % size
        if left and self.drop_last:
            steps.pop()
        elif left % self.sampler.world_size:
            even = -(-left // self.sampler.world_size) * self.sampler.world_size
            steps[-1] = np.resize(np.concatenate([steps[-1], order]), even)
        if self.sampler.shuffle:
            # A stream of its own, so that the order of the steps does not repeat the order of the clips.
            shuffled = np.random.default_rng((self.sampler.seed, self.sampler.epoch, 1)).permutation(len(steps))
            steps = [steps[i] for i in shuffled]
        return steps

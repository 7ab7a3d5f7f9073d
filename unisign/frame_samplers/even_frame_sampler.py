"""Frames at even distances."""

import numpy as np

from unisign.registry import FRAME_SAMPLERS


@FRAME_SAMPLERS.register_module()
class EvenFrameSampler:
    """Take frames at even distances, the first and the last among them: the way to test (spec.md, section 2).

    Deterministic: ``rng`` is not used.
    """

    def __call__(
        self,
        num_frames: int,
        max_frames: int,
        rng: np.random.Generator | None = None,
        scores: np.ndarray | None = None,
    ) -> np.ndarray:
        """Return which frames to read.

        Args:
            num_frames: frames of the clip.
            max_frames: how many to take at most; 1 takes the middle frame.
            rng: not used.
            scores: not used.

        Returns:
            Sorted int64 [min(num_frames, max_frames)]; all frames where the clip is not longer than ``max_frames``.

        Raises:
            ValueError: if ``max_frames`` is below 1.
        """
        if max_frames < 1:
            raise ValueError(f'max_frames should be at least 1, got {max_frames}')
        if num_frames <= max_frames:
            return np.arange(num_frames, dtype=np.int64)
        if max_frames == 1:
            return np.array([(num_frames - 1) // 2], dtype=np.int64)
        # Integer arithmetic: i * (T-1) / (M-1), rounded half up, is the same on every machine.
        steps = max_frames - 1
        return (2 * np.arange(max_frames, dtype=np.int64) * (num_frames - 1) + steps) // (2 * steps)

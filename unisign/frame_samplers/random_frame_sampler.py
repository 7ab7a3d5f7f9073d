"""A random subset of the frames."""

import numpy as np

from unisign.registry import FRAME_SAMPLERS


@FRAME_SAMPLERS.register_module()
class RandomFrameSampler:
    """Take a random subset of the frames, in order: the way to train (spec.md, section 2).

    The published code does so in testing as well, which makes its scores depend on the seed; ask for this sampler in a
    test pipeline only to compare with that.
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
            max_frames: how many to take at most.
            rng: where the randomness comes from; not touched where the clip is short enough. None draws the same
                frames every time (a generator of seed 0).
            scores: not used.

        Returns:
            Sorted int64 [min(num_frames, max_frames)], no frame twice; all frames where the clip is not longer.

        Raises:
            ValueError: if ``max_frames`` is below 1.
        """
        if max_frames < 1:
            raise ValueError(f'max_frames should be at least 1, got {max_frames}')
        if num_frames <= max_frames:
            return np.arange(num_frames, dtype=np.int64)
        rng = np.random.default_rng(0) if rng is None else rng
        return np.sort(rng.choice(num_frames, max_frames, replace=False)).astype(np.int64)

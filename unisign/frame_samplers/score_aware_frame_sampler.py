"""Frames whose keypoints are least sure."""

import numpy as np

from unisign.registry import FRAME_SAMPLERS

# The five fingertips of a hand.
FINGERTIPS = (4, 8, 12, 16, 20)
_SMALLEST_WEIGHT = 1e-5


@FRAME_SAMPLERS.register_module()
class ScoreAwareFrameSampler:
    """Take frames of one hand, the likelier the worse its keypoints are (spec.md, section 5).

    Where a detector is sure of the fingers, their pixels add little; where it guesses, they tell what it missed.
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
            num_frames: frames to choose from.
            max_frames: how many to take at most.
            rng: draws without replacement by ``score_weights``; None takes the largest weights, of equal ones the
                earlier.
            scores: float [num_frames, 21], confidence of the hand's points.

        Returns:
            Sorted int64 [min(num_frames, max_frames)], no frame twice.

        Raises:
            ValueError: if ``max_frames`` is below 1, or there are no scores of ``num_frames`` frames.
        """
        if max_frames < 1:
            raise ValueError(f'max_frames should be at least 1, got {max_frames}')
        if scores is None or np.shape(scores) != (num_frames, 21):
            raise ValueError(
                f'scores should be those of one hand, [{num_frames}, 21], got '
                f'{None if scores is None else list(np.shape(scores))}; this sampler chooses frames of a hand, '
                'use it in SampleHandFrames'
            )
        if num_frames <= max_frames:
            return np.arange(num_frames, dtype=np.int64)
        weights = score_weights(scores)
        if rng is None:
            chosen = np.argsort(-weights, kind='stable')[:max_frames]
        else:
            chosen = rng.choice(num_frames, max_frames, replace=False, p=weights / weights.sum())
        return np.sort(chosen).astype(np.int64)


def score_weights(scores: np.ndarray) -> np.ndarray:
    """Return the weight of each frame, float64 [N]: (max of s) - s + 1e-5, s the smallest score of the fingertips.

    Args:
        scores: float [N, 21], confidence of one hand's points.
    """
    least = np.asarray(scores, dtype=np.float64)[:, list(FINGERTIPS)].min(axis=1)
    return least.max(initial=-np.inf) - least + _SMALLEST_WEIGHT

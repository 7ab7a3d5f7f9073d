"""``HandView``: what a picture of one hand's sampled frames shows.

Letters: N sampled frames, S the side of the crops in pixels, G sampling points a keypoint.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

MAX_CARDS = 8  # sampled frames of both hands that are drawn side by side


@dataclass
class HandView:
    """The sampled frames of one hand of a clip, and what the fusion of a model does with them.

    Attributes:
        frames: int64 [N]; frames of the clip as the model gets it.
        images: uint8 RGB [N, S, S, 3]; the crops, after augmentation.
        keypoints: float [N, 21, 2]; fractions of the crop.
        boxes: float [N, 4]; left, top, right and bottom of the crops, fractions of the video's frame.
        video_frames: int64 [N]; their numbers in the video.
        gate: float [N, 21]; share of the picture in each keypoint's feature. None without a model, or without a gate.
        sampling_points: float [N, 21, G, 2]; where each keypoint reads the crop, fractions of the crop, some outside.
            None likewise.
    """

    frames: np.ndarray
    images: np.ndarray
    keypoints: np.ndarray
    boxes: np.ndarray
    video_frames: np.ndarray
    gate: np.ndarray | None = None
    sampling_points: np.ndarray | None = None

    @property
    def gates(self) -> np.ndarray:
        """The gate.

        Raises:
            ValueError: if there is none.
        """
        return _known(self.gate, 'gate')

    @property
    def places(self) -> np.ndarray:
        """The sampling points.

        Raises:
            ValueError: if there are none.
        """
        return _known(self.sampling_points, 'sampling points')


def _known(values: np.ndarray | None, name: str) -> np.ndarray:
    if values is None:
        raise ValueError(f'no {name}: no model was asked (explain_hands), or its fusion has none')
    return values


def hand_views(hands: Mapping[str, Mapping[str, np.ndarray]]) -> dict[str, HandView]:
    """Return a view of each side of ``results['hands']``."""
    return {
        side: HandView(hand['frames'], hand['images'], hand['keypoints'], hand['boxes'], hand['video_frames'])
        for side, hand in hands.items()
    }


def choose_cards(hands: Mapping[str, HandView], number: int = MAX_CARDS) -> dict[str, list[int]]:
    """Return, for each hand, which of its sampled frames are drawn: all, or evenly spaced ones.

    Args:
        hands: ``left`` and ``right`` -> sampled frames.
        number: at most so many for both hands; half of them each, or more where the other hand has fewer.
    """
    counts = {side: len(hand.frames) for side, hand in hands.items()}
    cards = {}
    for side, count in counts.items():
        others = sum(counts.values()) - count
        room = max(number // 2, number - others)
        cards[side] = np.unique(np.linspace(0, count - 1, min(count, room)).round().astype(int)).tolist()
    return cards

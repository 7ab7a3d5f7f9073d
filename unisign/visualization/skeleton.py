"""The skeleton of one frame, on a video frame or on an empty canvas."""

import numpy as np

from unisign.structures import NUM_KEYPOINTS
from unisign.structures.keypoint_layout import FACE_START, LEFT_HAND_START
from unisign.visualization.ink import Ink
from unisign.visualization.limbs import HEAD_LIMBS, LIMBS, Limb
from unisign.visualization.palette import CANVAS, LOW_SCORE, Color

# Below and at this score the model reads nothing (spec.md, section 2).
SCORE_THRESHOLD = 0.3
# Thickness of an arm in pixels, for an image whose shorter side is 180 pixels.
ARM_THICKNESS = 1.5


def blank_canvas(height: int, width: int, color: Color = CANVAS) -> np.ndarray:
    """Return an image of one colour, uint8 RGB [height, width, 3]."""
    return np.full((height, width, 3), color, dtype=np.uint8)


def draw_skeleton(
    image: np.ndarray,
    keypoints: np.ndarray,
    scores: np.ndarray,
    color: Color | None = None,
    mark_low_scores: bool = True,
) -> np.ndarray:
    """Return ``image`` with the skeleton of one frame on it.

    The signer's left is drawn in warm colours, the right in cool ones, each finger in its own. The lower the score of
    a line's worse end, the fainter the line; lines to points of score 0.3 or less are left out.

    Args:
        image: uint8 RGB [H, W, 3]; stays as it is.
        keypoints: float [133, 2]; x and y as fractions of the image's width and height. Points outside are cut off.
        scores: float [133]; about 0..1.
        color: draw everything in this one colour and faintly, as a shadow to compare with.
        mark_low_scores: put a small red ring where points of score 0.3 or less lie. Those at exactly (0, 0) carry no
            position and are never drawn.

    Raises:
        ValueError: if the arrays have other shapes.
    """
    if keypoints.shape != (NUM_KEYPOINTS, 2) or scores.shape != (NUM_KEYPOINTS,):
        raise ValueError(f'expected keypoints [133, 2], scores [133], got {keypoints.shape} and {scores.shape}')
    height, width = image.shape[:2]
    points = keypoints * (width, height)
    ink, unit = Ink(height, width), ARM_THICKNESS * min(height, width) / 180
    opacity = opacities(scores) * (1.0 if color is None else 0.6)
    face_is_seen = (scores[FACE_START:LEFT_HAND_START] > SCORE_THRESHOLD).any()
    limbs = LIMBS if face_is_seen else HEAD_LIMBS + LIMBS
    for limb in limbs:
        strength = min(opacity[limb.start], opacity[limb.end])
        if strength > 0:
            ends = points[limb.start], points[limb.end]
            ink.line(*ends, color or limb.color, unit * limb.weight, strength)
    if color is None:
        _draw_points(ink, limbs, points, opacity, unit)
        if mark_low_scores:
            low = (scores <= SCORE_THRESHOLD) & (keypoints != 0).any(axis=1)
            for point in points[low]:
                ink.ring(point, LOW_SCORE, 0.9 * unit, 0.4 * unit, 0.8)
    return ink.over(image)


def _draw_points(ink: Ink, limbs: tuple[Limb, ...], points: np.ndarray, opacity: np.ndarray, unit: float) -> None:
    # Each point takes the colour of the last limb that touches it; face lines speak for themselves.
    looks = {end: limb for limb in limbs for end in (limb.start, limb.end) if limb.weight >= 0.5}
    for index, limb in looks.items():
        if opacity[index] > 0:
            ink.disc(points[index], limb.color, 1.1 * unit * limb.weight, opacity[index])


def opacities(scores: np.ndarray) -> np.ndarray:
    """Return how strongly points are drawn: 0 up to the threshold 0.3, then 0.35 rising to 1 at score 1."""
    above = np.clip((scores - SCORE_THRESHOLD) / (1 - SCORE_THRESHOLD), 0, 1)
    return np.where(scores > SCORE_THRESHOLD, 0.35 + 0.65 * above, 0.0)

"""Which keypoints are joined, and in which colour: for the 133 keypoints of a frame and for the four parts."""

from typing import NamedTuple

from unisign.structures.keypoint_layout import (
    FACE_START,
    KEYPOINT_NAMES,
    LEFT_HAND_START,
    PARTS,
    RIGHT_HAND_START,
)
from unisign.visualization import palette
from unisign.visualization.palette import Color


class Limb(NamedTuple):
    """A line between two keypoints.

    Attributes:
        start: index of the one.
        end: index of the other.
        color: RGB.
        weight: thickness relative to an arm's.
    """

    start: int
    end: int
    color: Color
    weight: float


HAND_WEIGHT, FACE_WEIGHT = 0.6, 0.4

_BODY = (
    ('left_shoulder', 'left_hip', palette.LOWER_BODY),  # hips and legs are not read by the model
    ('right_shoulder', 'right_hip', palette.LOWER_BODY),
    ('left_hip', 'right_hip', palette.LOWER_BODY),
    ('left_hip', 'left_knee', palette.LOWER_BODY),
    ('left_knee', 'left_ankle', palette.LOWER_BODY),
    ('right_hip', 'right_knee', palette.LOWER_BODY),
    ('right_knee', 'right_ankle', palette.LOWER_BODY),
    ('left_shoulder', 'right_shoulder', palette.TORSO),
    ('left_shoulder', 'left_elbow', palette.LEFT_ARM),
    ('left_elbow', 'left_wrist', palette.LEFT_ARM),
    ('right_shoulder', 'right_elbow', palette.RIGHT_ARM),
    ('right_elbow', 'right_wrist', palette.RIGHT_ARM),
)

# First and last of the iBUG 68 points of each feature, whether its outline is closed, colour.
_FACE = (
    (0, 16, False, palette.FACE),  # jaw
    (17, 21, False, palette.FACE),  # brows
    (22, 26, False, palette.FACE),
    (27, 30, False, palette.FACE),  # nose
    (31, 35, False, palette.FACE),
    (36, 41, True, palette.FACE),  # eyes
    (42, 47, True, palette.FACE),
    (48, 59, True, palette.LIPS),  # outer and inner lips
    (60, 67, True, palette.LIPS),
)


def _body_limbs() -> list[Limb]:
    index = {name: i for i, name in enumerate(KEYPOINT_NAMES)}
    return [Limb(index[start], index[end], color, 1.0) for start, end, color in _BODY]


def _face_limbs() -> list[Limb]:
    limbs = []
    for first, last, closed, color in _FACE:
        pairs = [(i, i + 1) for i in range(first, last)] + ([(last, first)] if closed else [])
        limbs += [Limb(FACE_START + a, FACE_START + b, color, FACE_WEIGHT) for a, b in pairs]
    return limbs


def _hand_limbs(first: int, fingers: tuple[Color, ...]) -> list[Limb]:
    # The farther end decides the finger: 1..4 thumb, 5..8 forefinger, ..
    return [Limb(first + a, first + b, fingers[(b - 1) // 4], HAND_WEIGHT) for a, b in PARTS['left'].edges]


# All lines of a frame, those that cover others last.
LIMBS: tuple[Limb, ...] = tuple(
    _body_limbs()
    + _face_limbs()
    + _hand_limbs(LEFT_HAND_START, palette.LEFT_FINGERS)
    + _hand_limbs(RIGHT_HAND_START, palette.RIGHT_FINGERS)
)


# Drawn where the estimator gives no face: the three points of the head that it finds with the body.
HEAD_LIMBS: tuple[Limb, ...] = tuple(
    Limb(KEYPOINT_NAMES.index('nose'), KEYPOINT_NAMES.index(ear), palette.TORSO, HAND_WEIGHT)
    for ear in ('left_ear', 'right_ear')
)


def _part_limbs(name: str) -> tuple[Limb, ...]:
    part = PARTS[name]
    if name in ('left', 'right'):
        fingers = palette.LEFT_FINGERS if name == 'left' else palette.RIGHT_FINGERS
        return tuple(limb._replace(weight=0.8) for limb in _hand_limbs(0, fingers))
    if name == 'body':
        # Local ids: 0 head centre, 1 and 2 ears, then pairs of left and right shoulder, elbow, wrist.
        arms = {
            (3, 5): palette.LEFT_ARM,
            (5, 7): palette.LEFT_ARM,
            (4, 6): palette.RIGHT_ARM,
            (6, 8): palette.RIGHT_ARM,
        }
        return tuple(Limb(a, b, arms.get((a, b), palette.TORSO), 1.0) for a, b in part.edges)
    # The nose tip is joined to every point; these spokes would hide the face.
    lips = range(9, 17)
    return tuple(
        Limb(a, b, palette.LIPS if a in lips else palette.FACE, 0.7) for a, b in part.edges if part.origin not in (a, b)
    )


# Lines between the local ids of each part.
PART_LIMBS: dict[str, tuple[Limb, ...]] = {name: _part_limbs(name) for name in PARTS}

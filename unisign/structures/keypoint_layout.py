"""The 133 COCO-WholeBody keypoints by name, and the four parts that Uni-Sign reads (spec.md, sections 2 and 3).

One table for the whole library: index, name, mirror image, parts and skeleton edges.
Source of the order: COCO-WholeBody (Jin et al., ECCV 2020): 0-16 body, 17-22 feet, 23-90 face (iBUG 68), 91-111 left
hand, 112-132 right hand. "Left" is the signer's left.
"""

from collections.abc import Sequence
from dataclasses import dataclass

NUM_KEYPOINTS = 133
FACE_START, LEFT_HAND_START, RIGHT_HAND_START = 23, 91, 112

_BODY_NAMES = (
    'nose', 'left_eye', 'right_eye', 'left_ear', 'right_ear', 'left_shoulder', 'right_shoulder', 'left_elbow',
    'right_elbow', 'left_wrist', 'right_wrist', 'left_hip', 'right_hip', 'left_knee', 'right_knee', 'left_ankle',
    'right_ankle',
)  # fmt: skip
_FOOT_NAMES = ('left_big_toe', 'left_small_toe', 'left_heel', 'right_big_toe', 'right_small_toe', 'right_heel')
_FINGERS = ('thumb', 'forefinger', 'middle_finger', 'ring_finger', 'pinky_finger')
_HAND_NAMES = ('hand_root', *(f'{finger}{joint}' for finger in _FINGERS for joint in (1, 2, 3, 4)))

KEYPOINT_NAMES: tuple[str, ...] = (
    _BODY_NAMES
    + _FOOT_NAMES
    + tuple(f'face-{i}' for i in range(68))
    + tuple(f'left_{name}' for name in _HAND_NAMES)
    + tuple(f'right_{name}' for name in _HAND_NAMES)
)

# iBUG 68: which face point is the mirror image of which; points not named lie on the middle line.
_FACE_MIRROR_PAIRS = (
    [(i, 16 - i) for i in range(8)]  # jaw
    + [(17 + i, 26 - i) for i in range(5)]  # brows
    + [(31, 35), (32, 34)]  # nostrils
    + [(36, 45), (37, 44), (38, 43), (39, 42), (40, 47), (41, 46)]  # eyes
    + [(48, 54), (49, 53), (50, 52), (55, 59), (56, 58)]  # outer lips
    + [(60, 64), (61, 63), (65, 67)]  # inner lips
)


def _mirror_indices() -> tuple[int, ...]:
    index = {name: i for i, name in enumerate(KEYPOINT_NAMES)}
    mirror = list(range(NUM_KEYPOINTS))
    for name, i in index.items():
        if name.startswith('left_'):
            j = index['right_' + name.removeprefix('left_')]
            mirror[i], mirror[j] = j, i
    for a, b in _FACE_MIRROR_PAIRS:
        mirror[FACE_START + a], mirror[FACE_START + b] = FACE_START + b, FACE_START + a
    return tuple(mirror)


# KEYPOINT_MIRROR[i] is the keypoint that keypoint i becomes in a mirrored frame.
KEYPOINT_MIRROR: tuple[int, ...] = _mirror_indices()


@dataclass(frozen=True)
class Part:
    """One of the four parts of the pose.

    Attributes:
        name: ``body``, ``left``, ``right`` or ``face_all``.
        indices: which of the 133 keypoints, in order.
        edges: skeleton edges between local ids.
        origin: local id of the point that is the part's origin; None for the body, whose square comes from its extent.
        body_joint: local id of the body point whose feature the part receives between the spatial and the temporal
            network; None for the body itself.
    """

    name: str
    indices: tuple[int, ...]
    edges: tuple[tuple[int, int], ...]
    origin: int | None = None
    body_joint: int | None = None

    def __len__(self) -> int:
        return len(self.indices)


HAND_EDGES: tuple[tuple[int, int], ...] = tuple(
    (0 if joint == 0 else 4 * finger + joint, 4 * finger + joint + 1) for finger in range(5) for joint in range(4)
)
BODY_EDGES: tuple[tuple[int, int], ...] = ((0, 1), (0, 2), (0, 3), (0, 4), (3, 5), (5, 7), (4, 6), (6, 8))
FACE_EDGES: tuple[tuple[int, int], ...] = (
    tuple((i, i + 1) for i in range(8))  # chin line
    + tuple((9 + i, 9 + (i + 1) % 8) for i in range(8))  # inner lips, closed
    + tuple((17, i) for i in range(17))  # nose tip to every other point
)

PARTS: dict[str, Part] = {
    part.name: part
    for part in (
        Part('body', (0, 3, 4, 5, 6, 7, 8, 9, 10), BODY_EDGES),
        Part('left', tuple(range(91, 112)), HAND_EDGES, origin=0, body_joint=7),
        Part('right', tuple(range(112, 133)), HAND_EDGES, origin=0, body_joint=8),
        Part(
            'face_all',
            tuple(range(23, 40, 2)) + tuple(range(83, 91)) + (53,),
            FACE_EDGES,
            origin=17,
            body_joint=0,
        ),
    )
}
PART_NAMES: tuple[str, ...] = tuple(PARTS)


def point_runs(points: Sequence[int]) -> list[tuple[slice, slice]]:
    """Return ``points`` as few slices, which are copied several times as fast as single points.

    A run is of points at equal distances, such as every other point of the jaw.

    Args:
        points: keypoints, in any order.

    Returns:
        (places among ``points``, keypoints there) of each run, in order.
    """
    runs, start = [], 0
    while start < len(points):
        end, step = start + 1, points[start + 1] - points[start] if start + 1 < len(points) else 1
        while end < len(points) and points[end] - points[end - 1] == step > 0:
            end += 1
        runs.append((slice(start, end), slice(points[start], points[end - 1] + 1, max(step, 1))))
        start = end
    return runs

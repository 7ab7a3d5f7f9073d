"""Part normalisation: 133 keypoints to the four parts that the network reads (spec.md, section 2)."""

import numpy as np
import torch

from unisign.structures import PARTS
from unisign.structures.keypoint_layout import point_runs

SCORE_THRESHOLD = np.float32(0.3)
FEWEST_BODY_POINTS = 4

# The points of all parts, one behind the other, so that one pass serves them all; the parts' places among them.
_RUNS = point_runs([index for part in PARTS.values() for index in part.indices])
_ENDS = np.cumsum([len(part) for part in PARTS.values()]).tolist()
_PLACES = {name: slice(end - len(part), end) for (name, part), end in zip(PARTS.items(), _ENDS, strict=True)}
_BODY = _PLACES['body']


def normalize_parts(keypoints: np.ndarray, scores: np.ndarray) -> dict[str, np.ndarray]:
    """Return the four parts, each relative to its own origin and to the signer's size.

    The body's square (side: the larger extent, over the whole clip, of its points with a score above 0.3) maps to
    [-1, 1]. The other parts are relative to their origin point frame by frame, in units of that side. All three
    channels are clipped to [-1, 1]; a point whose score is at or below 0.3 is (0, 0, 0). A clip with fewer than four
    such body points, or whose points have no extent, is all zeros.

    Args:
        keypoints: float [T, 133, 2], fractions of frame width and height.
        scores: float [T, 133].

    Returns:
        Part name -> float32 [T, V, 3] (x, y, score).
    """
    planes = _frames_last(keypoints, scores)
    seen = planes[:, 2] > SCORE_THRESHOLD
    body = planes[_BODY, :2].transpose(1, 0, 2).reshape(2, -1).compress(seen[_BODY].ravel(), axis=1)
    square = _body_square(body)
    if square is None:
        planes[:] = 0
    else:
        _move_and_scale(planes, *square)
        torch.from_numpy(planes).clamp_(-1, 1)  # in a third of the time of np.clip
        planes *= seen[:, None]
    return {name: _frames_first(planes[place]) for name, place in _PLACES.items()}


def _frames_last(keypoints: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return float32 [69, 3, T], x, y and score of the points of all parts.

    Frames come last so that what is done to them runs over long rows, several times as fast.
    """
    planes = np.empty((_ENDS[-1], 3, len(keypoints)), np.float32)
    for place, points in _RUNS:
        planes[place, :2] = keypoints[:, points].transpose(1, 2, 0)
        planes[place, 2] = scores[:, points].T
    return planes


def _frames_first(planes: np.ndarray) -> np.ndarray:
    """Return [T, V, 3] of ``planes`` [V, 3, T]."""
    num_points, _, num_frames = planes.shape
    return np.ascontiguousarray(planes.reshape(-1, num_frames).T).reshape(num_frames, num_points, 3)


def _move_and_scale(planes: np.ndarray, centre: np.ndarray, side: np.float32) -> None:
    """Make x and y relative to each part's origin, in its unit."""
    for name, place in _PLACES.items():
        part, positions = PARTS[name], planes[place, :2]
        if part.origin is None:
            positions -= centre[:, None]
            positions *= 2 / side
        else:
            positions -= positions[part.origin].copy()
            positions *= 1 / side


def _body_square(points: np.ndarray) -> tuple[np.ndarray, np.float32] | None:
    """Return centre [2] and side of the square around the seen body points [2, N] (x, y).

    None where there are too few of them, or they have no extent.
    """
    if points.shape[1] < FEWEST_BODY_POINTS:
        return None
    low, high = points.min(axis=1), points.max(axis=1)
    side = (high - low).max()
    return ((low + high) / 2, side) if side > 0 else None

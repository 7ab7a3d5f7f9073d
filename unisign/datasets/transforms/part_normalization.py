"""Part normalisation: 133 keypoints to the four parts that the network reads (spec.md, section 2)."""

import numpy as np

from unisign.structures import PARTS

SCORE_THRESHOLD = np.float32(0.3)
FEWEST_BODY_POINTS = 4

# The points of all parts behind one another, so that one gather serves them all; and where each part lies in there.
_GATHER = np.array([index for part in PARTS.values() for index in part.indices])
_ENDS = np.cumsum([len(part) for part in PARTS.values()])
_SLICES = {name: slice(end - len(part), end) for (name, part), end in zip(PARTS.items(), _ENDS.tolist(), strict=True)}


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
        Part name -> float32 [T, V, 3] (x, y, score): views of one array.
    """
    points = np.empty((len(keypoints), len(_GATHER), 3), np.float32)
    points[..., :2] = keypoints[:, _GATHER]
    points[..., 2] = scores[:, _GATHER]
    seen = points[..., 2] > SCORE_THRESHOLD
    centre, side = _body_square(points[:, _SLICES['body'], :2], seen[:, _SLICES['body']])
    if side == 0:
        points[:] = 0
    else:
        for name, part in PARTS.items():
            xy = points[:, _SLICES[name], :2]
            if part.origin is None:
                xy -= centre
                xy *= 2 / side
            else:
                xy -= xy[:, part.origin : part.origin + 1].copy()
                xy *= 1 / side
        np.minimum(points, 1, out=points)
        np.maximum(points, -1, out=points)
        points *= seen[..., None]
    return {name: points[:, where] for name, where in _SLICES.items()}


def _body_square(body: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, np.float32]:
    """Return centre [2] and side of the square around the points of ``body`` [T, V, 2] that are ``seen`` [T, V].

    The side is 0 where there are too few points.
    """
    points = body[seen]
    if len(points) < FEWEST_BODY_POINTS:
        return np.zeros(2, np.float32), np.float32(0)
    low, high = points.min(axis=0), points.max(axis=0)
    return (low + high) / 2, (high - low).max()

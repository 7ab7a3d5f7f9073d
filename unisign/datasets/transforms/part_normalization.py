"""Part normalisation: 133 keypoints to the four parts that the network reads (spec.md, section 2)."""

import numpy as np

from unisign.structures import PARTS

SCORE_THRESHOLD = np.float32(0.3)
FEWEST_BODY_POINTS = 4

# The 69 points of all parts, one behind the other, so that one pass serves them all; their origins; the parts' places.
_POINTS = np.array([index for part in PARTS.values() for index in part.indices])
_ORIGINS = np.array([part.indices[part.origin or 0] for part in PARTS.values() for _ in part.indices])
_ENDS = np.cumsum([len(part) for part in PARTS.values()]).tolist()
_PLACES = {name: slice(end - len(part), end) for (name, part), end in zip(PARTS.items(), _ENDS, strict=True)}
_BODY = _PLACES['body']
# Columns of x and of y in a frame's 266 numbers.
_POINT_COLUMNS = np.stack([2 * _POINTS, 2 * _POINTS + 1])
_ORIGIN_COLUMNS = np.stack([2 * _ORIGINS, 2 * _ORIGINS + 1])


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
        Part name -> float32 [T, V, 3] (x, y, score): views of one array [T, 69, 3].
    """
    num_frames = len(keypoints)
    flat = np.asarray(keypoints, np.float32).reshape(num_frames, -1)
    # x, y and score of all points lie apart here: every step below runs over long rows, several times as fast.
    planes = np.empty((num_frames, 3, len(_POINTS)), np.float32)
    planes[:, :2] = flat.take(_POINT_COLUMNS, axis=1)
    planes[:, 2] = np.asarray(scores, np.float32).take(_POINTS, axis=1)
    seen = planes[:, 2] > SCORE_THRESHOLD

    parts = np.zeros((num_frames, len(_POINTS), 3), np.float32)
    square = _body_square(planes[:, 0, _BODY][seen[:, _BODY]], planes[:, 1, _BODY][seen[:, _BODY]])
    if square is not None:
        centre_x, centre_y, side = square
        origins = flat.take(_ORIGIN_COLUMNS, axis=1)
        origins[:, 0, _BODY], origins[:, 1, _BODY] = centre_x, centre_y
        scale = np.full(len(_POINTS), 1 / side, np.float32)
        scale[_BODY] = 2 / side
        planes[:, :2] -= origins
        planes[:, :2] *= scale
        np.minimum(planes, 1, out=planes)
        np.maximum(planes, -1, out=planes)
        planes *= seen[:, None]
        for channel in range(3):
            parts[:, :, channel] = planes[:, channel]
    return {name: parts[:, place] for name, place in _PLACES.items()}


def _body_square(x: np.ndarray, y: np.ndarray) -> tuple[np.float32, np.float32, np.float32] | None:
    """Return centre x, centre y and side of the square around the seen body points (``x`` [N], ``y`` [N]).

    None where there are too few of them, or they have no extent.
    """
    if len(x) < FEWEST_BODY_POINTS:
        return None
    left, right, top, bottom = x.min(), x.max(), y.min(), y.max()
    side = max(right - left, bottom - top)
    return ((left + right) / 2, (top + bottom) / 2, side) if side > 0 else None

"""Part normalisation with a loop over the frames, as the published code gathers the points (spec.md section 2).

Kept to be compared with, for the result and for the time; the library does not use it. What the text asks for clip by
clip is done clip by clip, in numpy: only the points are taken frame by frame.
"""

from collections.abc import Sequence

import numpy as np

from unisign.structures import PARTS

THRESHOLD = 0.3


def normalize_parts_per_frame(keypoints: Sequence[np.ndarray], scores: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Return part name -> float32 [T, V, 3].

    Args:
        keypoints: T arrays [133, 2], or one [T, 133, 2].
        scores: T arrays [133], or one [T, 133].
    """
    side, parts = 0.0, {}
    for name, part in PARTS.items():
        indices, points, confidences = list(part.indices), [], []
        for frame_keypoints, frame_scores in zip(keypoints, scores, strict=True):
            taken = frame_keypoints[indices]
            points.append(taken if part.origin is None else taken - taken[part.origin])
            confidences.append(frame_scores[indices])
        clip = np.concatenate([np.stack(points), np.stack(confidences)[..., None]], axis=-1)
        if part.origin is None:
            centre, side = body_square(clip)
            clip[..., :2] -= centre
        if side == 0:
            clip[:] = 0
        else:
            clip[..., :2] /= side / 2 if part.origin is None else side
        clip = np.clip(clip, -1, 1)
        clip[np.stack(confidences) <= THRESHOLD] = 0
        parts[name] = clip.astype(np.float32)
    return parts


def body_square(body: np.ndarray) -> tuple[np.ndarray, float]:
    """Return centre [2] and side of the square around a clip's body points [T, V, 3]; side 0 where there is none."""
    seen = body[body[..., 2] > THRESHOLD][:, :2]
    if len(seen) < 4:
        return np.zeros(2), 0.0
    low, high = seen.min(axis=0), seen.max(axis=0)
    return (low + high) / 2, float(np.max(high - low))

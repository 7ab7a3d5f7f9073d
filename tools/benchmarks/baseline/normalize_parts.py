"""Part normalisation as a literal loop over the frames: the formulation of spec.md section 2, one frame at a time.

Kept to be compared with, for the result and for the time; the library does not use it.
"""

import numpy as np

from unisign.structures import PARTS

THRESHOLD = 0.3


def normalize_parts_per_frame(keypoints: np.ndarray, scores: np.ndarray) -> dict[str, np.ndarray]:
    """Return part name -> float32 [T, V, 3]; arguments and result as ``unisign.datasets.normalize_parts``."""
    centre, side = body_square(keypoints, scores)
    parts = {}
    for name, part in PARTS.items():
        indices = list(part.indices)
        frames = []
        for frame_keypoints, frame_scores in zip(keypoints, scores, strict=True):
            points, point_scores = frame_keypoints[indices], frame_scores[indices]
            if side == 0:
                frames.append(np.zeros((len(indices), 3)))
                continue
            origin, unit = (centre, side / 2) if part.origin is None else (points[part.origin], side)
            points = (points - origin) / unit
            frame = np.concatenate([points, point_scores[:, None]], axis=-1)
            frame = np.clip(frame, -1, 1)
            frame[point_scores <= THRESHOLD] = 0
            frames.append(frame)
        parts[name] = np.stack(frames).astype(np.float32)
    return parts


def body_square(keypoints: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, float]:
    """Return centre [2] and side of the square around the clip's body points; side 0 where there is none."""
    indices = list(PARTS['body'].indices)
    seen = keypoints[:, indices][scores[:, indices] > THRESHOLD]
    if len(seen) < 4:
        return np.zeros(2), 0.0
    low, high = seen.min(axis=0), seen.max(axis=0)
    return (low + high) / 2, float(np.max(high - low))

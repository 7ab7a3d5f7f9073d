"""Another frame rate for poses."""

from dataclasses import replace

import numpy as np

from unisign.structures import Poses


def resample(poses: Poses, frame_rate: float) -> Poses:
    """Return ``poses`` at ``frame_rate`` frames per second; how long the clip lasts stays the same.

    Points are interpolated between two frames that both have them (score above 0); where one has not, the nearer frame
    counts. ``frame_ids`` say which video frame lies nearest.

    Args:
        poses: with a known frame rate.
        frame_rate: frames per second.

    Raises:
        ValueError: if either rate is unknown, or not above 0.
    """
    if poses.frame_rate is None or not poses.frame_rate > 0 or not 0 < frame_rate < float('inf'):
        raise ValueError(f'cannot go from {poses.frame_rate} to {frame_rate} frames per second: both should be above 0')
    count = max(1, round(len(poses) * frame_rate / poses.frame_rate))
    times = np.minimum(np.arange(count) * poses.frame_rate / frame_rate, len(poses) - 1)
    first = np.floor(times).astype(np.int64)
    second = np.minimum(first + 1, len(poses) - 1)
    weight = (times - first).astype(np.float32)[:, None]
    both = (poses.scores[first] > 0) & (poses.scores[second] > 0)
    weight = np.where(both, weight, np.round(weight))
    mixed = replace(
        poses,
        keypoints=(1 - weight[..., None]) * poses.keypoints[first] + weight[..., None] * poses.keypoints[second],
        scores=(1 - weight) * poses.scores[first] + weight * poses.scores[second],
        frame_rate=float(frame_rate),
    )
    frame_ids = np.arange(len(poses)) if poses.frame_ids is None else poses.frame_ids
    return replace(mixed, frame_ids=np.asarray(frame_ids, dtype=np.int64)[np.round(times).astype(np.int64)])

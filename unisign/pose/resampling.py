"""Another frame rate for poses."""

from dataclasses import replace

import numpy as np

from unisign.structures import Poses


def resample(poses: Poses, frame_rate: float, times: np.ndarray | None = None) -> Poses:
    """Return ``poses`` at ``frame_rate`` frames per second; how long the clip lasts stays the same.

    Points are interpolated between two frames that both have them (score above 0); where one has not, the nearer frame
    counts. The frames of the result are numbered anew, at the new rate: ``video_frames`` finds those of the video.

    Args:
        poses: with a known frame rate.
        frame_rate: frames per second.
        times: float [T], when each frame is shown, in seconds, ascending; None: evenly, at the poses' own rate. For a
            video with variable frame rate ``VideoInfo.times`` has them.

    Raises:
        ValueError: if either rate is unknown, or not above 0, or there are not as many times as frames, ascending.
    """
    if poses.frame_rate is None or not poses.frame_rate > 0 or not 0 < frame_rate < float('inf'):
        raise ValueError(f'cannot go from {poses.frame_rate} to {frame_rate} frames per second: both should be above 0')
    if times is not None and (len(times) != len(poses) or (np.diff(times) <= 0).any()):
        raise ValueError(f'times should be ascending, one for each of the {len(poses)} frames, got {len(times)}')
    places = _places(len(poses), poses.frame_rate, frame_rate, times)
    first = np.floor(places).astype(np.int64)
    second = np.minimum(first + 1, len(poses) - 1)
    weight = (places - first).astype(np.float32)[:, None]
    both = (poses.scores[first] > 0) & (poses.scores[second] > 0)
    weight = np.where(both, weight, np.round(weight))
    start = 0 if poses.frame_ids is None else round(float(poses.frame_ids[0]) * frame_rate / poses.frame_rate)
    return replace(
        poses,
        keypoints=(1 - weight[..., None]) * poses.keypoints[first] + weight[..., None] * poses.keypoints[second],
        scores=(1 - weight) * poses.scores[first] + weight * poses.scores[second],
        frame_rate=float(frame_rate),
        frame_ids=None if poses.frame_ids is None else start + np.arange(len(places)),
    )


def _places(count: int, old_rate: float, new_rate: float, times: np.ndarray | None) -> np.ndarray:
    """Return where the frames of the new rate lie between the ``count`` old ones, float64 [N], 0..count-1."""
    if times is None:
        new_count = max(1, round(count * new_rate / old_rate))
        return np.minimum(np.arange(new_count) * old_rate / new_rate, count - 1)
    lasts = times[-1] - times[0] + (float(np.median(np.diff(times))) if count > 1 else 1 / old_rate)
    moments = times[0] + np.arange(max(1, round(lasts * new_rate))) / new_rate
    return np.interp(moments, times, np.arange(count))

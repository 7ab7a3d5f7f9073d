"""Crops of the hands follow what augmentations do to a clip: they are mirrored, and stay with their frames."""

import numpy as np

OTHER = {'left': 'right', 'right': 'left'}


def mirror_hands(results: dict) -> dict:
    """Mirror the crops in ``results['hands']``, if there are any: sides swap, pictures flip, x becomes 1 - x.

    The hand's points keep their order: a mirrored left hand is a right hand, point by point.
    """
    if 'hand_frames' in results:
        results['hand_frames'] = {side: results['hand_frames'][OTHER[side]] for side in OTHER}
    if 'hands' in results:
        results['hands'] = {side: _mirrored(results['hands'][OTHER[side]]) for side in OTHER}
    return results


def _mirrored(hand: dict) -> dict:
    images = np.ascontiguousarray(hand['images'][:, :, ::-1])
    x, y = hand['keypoints'][..., 0], hand['keypoints'][..., 1]
    return hand | {'images': images, 'keypoints': np.stack([1 - x, y], axis=-1)}


def keep_hands_in_step(results: dict, position: np.ndarray) -> dict:
    """Give the crops in ``results['hands']`` the numbers of their frames in the changed clip.

    A crop goes to the frame that was read nearest to it (the first of several), if that is less than one frame away;
    else its frame is gone, and so is the crop. Two crops never share a frame: the nearer one stays.

    Args:
        results: of a pipeline, with or without crops.
        position: float or int [N], sorted: where in the old clip each frame of the new one was read.
    """
    if 'hand_frames' in results:
        frames = results['hand_frames'].items()
        results['hand_frames'] = {side: _step(old, position)[1] for side, old in frames}
    if 'hands' in results:
        for side, hand in results['hands'].items():
            kept, frames = _step(hand['frames'], position)
            results['hands'][side] = {name: values[kept] for name, values in hand.items()} | {'frames': frames}
    return results


def _step(frames: np.ndarray, position: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which of the sorted ``frames`` are kept (int [M]) and their new numbers (sorted int64 [M])."""
    if not len(frames):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    distance = np.abs(frames[:, None] - np.asarray(position, dtype=np.float64))
    places = distance.argmin(axis=1)
    nearest = distance[np.arange(len(frames)), places]
    order = np.lexsort((nearest, places))  # by place, the nearer one first
    first = np.r_[True, np.diff(places[order]) > 0]
    kept = order[first & (nearest[order] < 1)]
    return kept, places[kept].astype(np.int64)

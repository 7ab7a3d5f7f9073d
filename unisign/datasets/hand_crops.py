"""Boxes and crops of hands: plain functions, for the data pipeline and for inference alike (spec.md, section 5).

Letters: N sampled frames of one hand, S the side of the crops in pixels. A side of a body is ``left`` or ``right``.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import torch
from PIL import Image
from torch.nn.functional import interpolate

from unisign.structures import PARTS, DataError, Poses

SIDES = ('left', 'right')
# Called with corners (hand -> int64 [N, 2]) and the side of the boxes, returns hand -> uint8 [N, S, S, 3].
Cut = Callable[[dict[str, np.ndarray], int], dict[str, np.ndarray]]
RESIZING = ('pillow', 'torch')
HANDS = {side: slice(PARTS[side].indices[0], PARTS[side].indices[-1] + 1) for side in SIDES}


def hand_points(poses: Poses, side: str, frames: np.ndarray, frame_size: tuple[int, int]) -> np.ndarray:
    """Return the hand's points in pixels, float64 [N, 21, 2].

    Args:
        poses: the clip.
        side: ``left`` or ``right``.
        frames: int [N], which frames of the clip.
        frame_size: width and height of the video's frames.
    """
    return poses.keypoints[frames, HANDS[side]].astype(np.float64) * np.array(frame_size, dtype=np.float64)


def hand_candidates(poses: Poses, side: str, score_threshold: float = 0.3) -> np.ndarray:
    """Return the frames whose mean score of the hand exceeds the threshold, sorted int64 indices into the clip."""
    scores = poses.scores[:, HANDS[side]].astype(np.float64)
    return np.flatnonzero(scores.mean(axis=1) > score_threshold)


def check_scale(source: object, scale: float) -> None:
    """Refuse a scale of boxes with which no hand would be seen.

    Raises:
        DataError: naming ``source``, for a scale that is not above 0.
    """
    if not 0 < scale < math.inf:
        raise DataError(
            source,
            f'scale should be the side of a box over the extent of a hand, above 0, got {scale}.',
            'Take 1.2, the published one, or a larger one to show more around the hands.',
        )


def box_side(points: Mapping[str, np.ndarray], scale: float = 1.2) -> int:
    """Return the side of all boxes of a clip in pixels: even; 0 if the hands have no extent, or there are none.

    Args:
        points: hand -> float [N, 21, 2] in pixels.
        scale: side over the largest extent.
    """
    extents = [np.ptp(hand, axis=1).max() for hand in points.values() if len(hand)]
    return int(max(extents, default=0.0) * scale / 2) * 2


def box_centres(points: np.ndarray) -> np.ndarray:
    """Return the middle of the extent of all 21 points, whatever their score: float [N, 2], in pixels."""
    return (points.min(axis=1) + points.max(axis=1)) / 2


def hand_boxes(points: Mapping[str, np.ndarray], scale: float = 1.2) -> tuple[dict[str, np.ndarray], int]:
    """Return the boxes of a clip's sampled hands.

    Args:
        points: hand -> float [N, 21, 2] in pixels.
        scale: side over the largest extent of both hands in all sampled frames.

    Returns:
        Upper left corners in whole pixels, hand -> int64 [N, 2] (negative where a box sticks out of the frame), and the
        side of all boxes; a side of 0 means that there is nothing to see.
    """
    side = box_side(points, scale)
    return {name: np.floor(box_centres(hand) - side / 2).astype(np.int64) for name, hand in points.items()}, side


def relative_keypoints(points: np.ndarray, corners: np.ndarray, side: int) -> np.ndarray:
    """Return the points as fractions of their box, clipped to 0..1: float32 [N, 21, 2].

    Args:
        points: float [N, 21, 2] in pixels.
        corners: int [N, 2], of the boxes, which may stick out of the frame.
        side: of the boxes, above 0.
    """
    return np.clip((points - corners[:, None]) / side, 0, 1).astype(np.float32)


def relative_boxes(corners: np.ndarray, side: int, frame_size: tuple[int, int]) -> np.ndarray:
    """Return left, top, right and bottom of boxes as fractions of the frame, float32 [N, 4]; they may stick out of it.

    Args:
        corners: int [N, 2], upper left, in pixels.
        side: of the boxes in pixels.
        frame_size: width and height of the video's frames.
    """
    edges = np.concatenate([corners, corners + side], axis=1)
    return (edges / (*frame_size, *frame_size)).astype(np.float32)


def part_inside(corner: np.ndarray, side: int, size: Sequence[int]) -> tuple[int, int, int, int]:
    """Return left, top, right and lower end of the part of a box inside a picture; empty if an end is not behind.

    Args:
        corner: int [2], x and y of the box's upper left pixel.
        side: of the box in pixels.
        size: width and height of the picture.
    """
    left, top = (int(value) for value in corner)
    return max(left, 0), max(top, 0), min(left + side, size[0]), min(top + side, size[1])


def crop_hand(image: np.ndarray, corner: np.ndarray, side: int, size: int = 112, resize: str = 'pillow') -> np.ndarray:
    """Return one box, resized: uint8 [S, S, 3]. What lies outside the image is 0.

    Args:
        image: uint8 RGB [H, W, 3].
        corner: int [2], x and y of the box's upper left pixel; may be negative.
        side: of the box in pixels, above 0.
        size: S.
        resize: who resizes, see ``resize_boxes``.
    """
    box = np.zeros((1, side, side, 3), dtype=np.uint8)
    fill_box(box[0], image, corner)
    return resize_boxes(box, size, resize)[0]


def fill_box(box: np.ndarray, image: np.ndarray, corner: np.ndarray) -> None:
    """Write what lies inside the image into a box, and leave the rest.

    Args:
        box: uint8 [side, side, 3].
        image: uint8 RGB [H, W, 3].
        corner: int [2], x and y of the box's upper left pixel; may be negative.
    """
    left, top = (int(value) for value in corner)
    x0, y0, x1, y1 = part_inside(corner, len(box), image.shape[1::-1])
    if x0 < x1 and y0 < y1:
        box[y0 - top : y1 - top, x0 - left : x1 - left] = image[y0:y1, x0:x1]


def resize_boxes(boxes: np.ndarray, size: int, resize: str = 'pillow') -> np.ndarray:
    """Return pictures, uint8 [N, h, w, 3], with sides of ``size``, by a bicubic filter that is antialiased.

    Other filters move the crops by 0.06 to 0.4 after normalisation.

    Args:
        boxes: the pictures, one at least.
        size: S.
        resize: ``pillow``: the published crops, bit for bit. ``torch``: the same filter, its weights rounded to 16
            bits; some five times as fast, and at most two of 255 levels off, in less than one of a hundred values.
    """
    if resize == 'pillow':
        return np.stack([np.asarray(Image.fromarray(box).resize((size, size))) for box in boxes])
    images = torch.from_numpy(boxes).permute(0, 3, 1, 2)  # channels last: its fast path
    return interpolate(images, size=(size, size), mode='bicubic', antialias=True).permute(0, 2, 3, 1).numpy()


def no_crops(size: int = 112) -> dict[str, np.ndarray]:
    """Return what ``crop_hands`` gives for a hand without any frame."""
    return {
        'frames': np.zeros(0, dtype=np.int64),
        'images': np.zeros((0, size, size, 3), dtype=np.uint8),
        'keypoints': np.zeros((0, 21, 2), dtype=np.float32),
        'boxes': np.zeros((0, 4), dtype=np.float32),
    }


def crop_hands(
    poses: Poses,
    hand_frames: Mapping[str, np.ndarray],
    cut: Cut,
    frame_size: tuple[int, int],
    size: int = 112,
    scale: float = 1.2,
) -> dict[str, dict[str, np.ndarray]]:
    """Return crops and keypoints of both hands.

    Args:
        poses: the clip.
        hand_frames: hand -> int [N], frames of the clip to crop.
        cut: gives the pictures; ``frame_cutter`` makes one that takes them from whole frames.
        frame_size: width and height of the video's frames.
        size: S.
        scale: side of the boxes over the largest extent of a hand.

    Returns:
        For ``left`` and ``right`` a dict: frames int64 [N]; images uint8 RGB [N, S, S, 3]; keypoints float32
        [N, 21, 2], fractions of the box; boxes float32 [N, 4]: left, top, right, bottom, fractions of the frame.
    """
    points = {side: hand_points(poses, side, hand_frames[side], frame_size) for side in SIDES}
    corners, length = hand_boxes(points, scale)
    if length == 0:
        return {side: no_crops(size) for side in SIDES}
    images = cut(corners, length)
    return {
        side: {
            'frames': np.asarray(hand_frames[side], dtype=np.int64),
            'images': images[side],
            'keypoints': relative_keypoints(points[side], corners[side], length),
            'boxes': (np.hstack([corners[side], corners[side] + length]) / (*frame_size, *frame_size)).astype(
                np.float32
            ),
        }
        for side in SIDES
    }


def frame_cutter(
    read: Callable[[np.ndarray], Iterable[np.ndarray]],
    frame_ids: Mapping[str, np.ndarray],
    size: int = 112,
    resize: str = 'pillow',
) -> Cut:
    """Return a ``cut`` for ``crop_hands`` that takes the crops from whole frames, one frame in memory at a time.

    Args:
        read: called with sorted different frame numbers, int64 [n], gives their images, uint8 RGB [H, W, 3]. For
            frames in memory: ``lambda ids: images[ids]``.
        frame_ids: hand -> int [N], the frame number of each crop.
        size: S.
        resize: see ``resize_boxes``.
    """

    def cut(corners: dict[str, np.ndarray], side: int) -> dict[str, np.ndarray]:
        crops = {hand: np.zeros((len(ids), size, size, 3), dtype=np.uint8) for hand, ids in frame_ids.items()}
        wanted = np.unique(np.concatenate(list(frame_ids.values())).astype(np.int64))
        for number, image in zip(wanted, read(wanted), strict=True):
            for hand, ids in frame_ids.items():
                for i in np.flatnonzero(np.asarray(ids) == number):
                    crops[hand][i] = crop_hand(image, corners[hand][i], side, size, resize)
        return crops

    return cut

"""Windows around the hands, at the video's own resolution, from which any later crop can be cut.

The boxes of a clip share one side, which depends on the frames sampled (``hand_crops.hand_boxes``). A window has the
side for all candidate frames, so the box of any sample of them lies inside it, about the same centre.
"""

from collections.abc import Callable, Iterable, Mapping

import numpy as np

from unisign.datasets.hand_crops import (
    SIDES,
    Cut,
    box_centres,
    box_side,
    fill_box,
    hand_candidates,
    hand_points,
    part_inside,
    resize_boxes,
)
from unisign.stores.packed_windows import PackedHandWindows
from unisign.stores.window_format import ClipWindows, Window
from unisign.structures import ClipError, Poses

# Poses that were stored as float16 after the windows were made may move a box by a pixel.
_MARGIN = 2
# Boxes that are resized in one call.
_BOXES = 32


def hand_windows(
    poses: Poses,
    read: Callable[[np.ndarray], Iterable[np.ndarray]],
    numbers: np.ndarray,
    frame_size: tuple[int, int],
    scale: float = 1.2,
    score_threshold: float = 0.3,
) -> ClipWindows:
    """Return the windows of all candidate frames of both hands.

    Args:
        poses: the clip, not thinned.
        read: called with sorted different video frame numbers, gives their images, uint8 RGB [H, W, 3].
        numbers: int64 [T], video frame of each frame of the clip.
        frame_size: width and height of the video's frames.
        scale: largest side of boxes over the largest extent of a hand.
        score_threshold: mean score from which on a hand counts as seen.
    """
    candidates = {side: hand_candidates(poses, side, score_threshold) for side in SIDES}
    points = {side: hand_points(poses, side, candidates[side], frame_size) for side in SIDES}
    side = box_side(points, scale)
    ids = np.arange(len(poses)) if poses.frame_ids is None else poses.frame_ids
    windows: dict[str, list[Window]] = {name: [] for name in SIDES}
    used = {name: numbers[candidates[name]] for name in SIDES}
    wanted = np.unique(np.concatenate(list(used.values()))) if side else np.zeros(0, dtype=np.int64)
    corners = {
        name: np.floor(box_centres(hand)).astype(np.int64) - side // 2 - _MARGIN for name, hand in points.items()
    }
    for number, image in zip(wanted, read(wanted) if len(wanted) else (), strict=True):
        for name in SIDES:
            for i in np.flatnonzero(used[name] == number):
                frame = int(ids[candidates[name][i]])
                windows[name].append(_window(image, corners[name][i], side + 2 * _MARGIN, frame))
    return ClipWindows(frame_size, scale, score_threshold, windows)


def _window(image: np.ndarray, corner: np.ndarray, side: int, frame: int) -> Window:
    """Return the part of the square that lies inside the image."""
    x0, y0 = np.maximum(corner, 0).tolist()
    x1, y1 = np.clip(corner + side, 0, image.shape[1::-1]).tolist()
    return Window(frame, x0, y0, np.ascontiguousarray(image[y0 : max(y0, y1), x0 : max(x0, x1)]))


def window_cutter(
    store: PackedHandWindows, key: str, frame_ids: Mapping[str, np.ndarray], size: int = 112, resize: str = 'pillow'
) -> Cut:
    """Return a ``cut`` for ``crop_hands`` that takes the crops from packed windows; only the asked ones are decoded.

    Args:
        store: packed hand windows.
        key: the clip.
        frame_ids: hand -> int [N], the poses' frame ids of the crops.
        size: side of the crops.
        resize: see ``hand_crops.resize_boxes``.
    """

    def cut(corners: dict[str, np.ndarray], side: int) -> dict[str, np.ndarray]:
        crops = {}
        frame_size = store.frame_size(key)
        for hand, ids in frame_ids.items():
            crops[hand] = np.empty((len(ids), size, size, 3), dtype=np.uint8)
            windows = store.read(key, hand, ids)
            for start in range(0, len(ids), _BOXES):
                now = slice(start, start + _BOXES)
                boxes = np.zeros((len(ids[now]), side, side, 3), dtype=np.uint8)
                for box, corner, window in zip(boxes, corners[hand][now], windows[now], strict=True):
                    _check_inside(store, key, window, corner, side, frame_size)
                    fill_box(box, window.image, corner - (window.x, window.y))
                crops[hand][now] = resize_boxes(boxes, size, resize)
        return crops

    return cut


def _check_inside(
    store: PackedHandWindows, key: str, window: Window, corner: np.ndarray, side: int, frame_size: tuple[int, int]
) -> None:
    """Stop if the frame has pixels of the box that the window has not."""
    x0, y0, x1, y1 = part_inside(corner, side, frame_size)
    height, width = window.image.shape[:2]
    inside = window.x <= x0 and window.y <= y0 and x1 <= window.x + width and y1 <= window.y + height
    if inside or x0 >= x1 or y0 >= y1:
        return
    raise ClipError(
        f'{store.path}#{key}',
        f'the box of frame {window.frame} sticks out of its packed window.',
        'The poses changed since it was packed, or scale is larger now: pack the hand windows again.',
    )

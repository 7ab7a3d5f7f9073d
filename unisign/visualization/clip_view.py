"""``ClipView``: everything about one clip that a picture of it shows."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from unisign.structures import Poses
from unisign.structures.keypoint_layout import FACE_START
from unisign.visualization.hand_view import HandView
from unisign.visualization.palette import GHOST, PANEL
from unisign.visualization.skeleton import SCORE_THRESHOLD, blank_canvas, draw_skeleton

_OVERSAMPLING = 2  # drawn so many times larger, for finer lines
_MARGIN = 0.06  # of the signer's extent, left free around it
_HEADROOM = 0.08  # of its height, for what is above the topmost keypoint: brows or ears
_LOWER_BODY = range(11, FACE_START)  # hips to feet: not read by the model, and they would make the hands small


@dataclass
class ClipView:
    """One clip before and after its pipeline.

    Attributes:
        clip_id: its id.
        before: poses as they are on disk, all frames.
        after: poses as the model gets them, before normalisation: sampled and augmented; ``frame_ids`` says which
            frame of the clip each comes from.
        parts: part name -> float [T, V, 3] with the frames of ``after``; None if the pipeline makes none.
        frames: frame number -> uint8 RGB [H, W, 3], as far as the video could be read.
        text: target text, glosses or a word.
        facts: name -> value, shown in the header (task, language, signer, ..).
        problem: a sentence on what could not be shown.
        hands: ``left`` and ``right`` -> sampled frames of the hand; empty if the pipeline loads no pictures of hands.
        packed: what the dataset gives for this clip, to be collated; None if the pipeline packs nothing.
    """

    clip_id: str
    before: Poses
    after: Poses
    parts: dict[str, np.ndarray] | None = None
    frames: dict[int, np.ndarray] = field(default_factory=dict)
    text: str = ''
    facts: dict[str, str] = field(default_factory=dict)
    problem: str = ''
    hands: dict[str, HandView] = field(default_factory=dict)
    packed: dict | None = None

    def frame_id(self, index: int) -> int:
        """Return which frame of the video entry ``index`` of ``after`` comes from."""
        return index if self.after.frame_ids is None else int(self.after.frame_ids[index])

    def original(self, index: int) -> int:
        """Return which entry of ``before`` entry ``index`` of ``after`` comes from (the nearest, if resampled)."""
        ids = np.arange(len(self.before)) if self.before.frame_ids is None else self.before.frame_ids
        return int(np.abs(ids - self.frame_id(index)).argmin())

    def evenly_spaced(self, number: int) -> list[int]:
        """Return at most ``number`` entries of ``after``, evenly spaced, the first and the last among them."""
        count = len(self.after)
        return np.unique(np.linspace(0, count - 1, min(number, count)).round().astype(int)).tolist()

    @property
    def changed(self) -> bool:
        """Whether the pipeline moved any point, rather than only choosing frames."""
        originals = [self.original(index) for index in range(len(self.after))]
        return not (
            np.array_equal(self.before.keypoints[originals], self.after.keypoints)
            and np.array_equal(self.before.scores[originals], self.after.scores)
        )

    @property
    def frame_size(self) -> tuple[int, int] | None:
        """Width and height of the video's frames in pixels; None if nothing says."""
        for image in self.frames.values():
            return image.shape[1], image.shape[0]
        return self.before.frame_size


@dataclass(frozen=True)
class Window:
    """The piece of the frame that is shown, in fractions of its width and height; may reach beyond the frame."""

    left: float
    top: float
    width: float
    height: float

    def move(self, keypoints: np.ndarray) -> np.ndarray:
        """Return keypoints (fractions of the frame, [..., 2]) as fractions of the window."""
        return (keypoints - (self.left, self.top)) / (self.width, self.height)


def window_around(view: ClipView, indices: Sequence[int], aspect: float) -> Window:
    """Return the window of ``aspect`` (width to height, in pixels) around the signer in the given frames of ``after``.

    Where no size is known the frame is taken to be square.
    """
    originals = [view.original(index) for index in indices]
    keypoints = np.concatenate([view.before.keypoints[originals], view.after.keypoints[list(indices)]])
    scores = np.concatenate([view.before.scores[originals], view.after.scores[list(indices)]])
    seen = scores > SCORE_THRESHOLD
    seen[:, _LOWER_BODY] = False
    points = keypoints[seen] if seen.any() else np.array([[0.0, 0.0], [1.0, 1.0]])
    # Hands at the edge decide the window, so percentiles would cut them; a stray point costs only space.
    low, high = np.clip(points.min(axis=0), -0.5, 1.5), np.clip(points.max(axis=0), -0.5, 1.5)
    low[1] -= _HEADROOM * (high[1] - low[1])
    frame_width, frame_height = view.frame_size or (1, 1)
    width, height = np.maximum(high - low, 0.05) * (frame_width, frame_height) * (1 + 2 * _MARGIN)
    width, height = max(width, height * aspect), max(height, width / aspect)
    center = (low + high) / 2
    size = width / frame_width, height / frame_height
    return Window(center[0] - size[0] / 2, center[1] - size[1] / 2, *size)


def draw_original(view: ClipView, index: int, window: Window, width: int, height: int) -> np.ndarray:
    """Return the video frame (or an empty canvas) that entry ``index`` of ``after`` comes from, with its skeleton.

    Returns:
        uint8 RGB [height, width, 3].
    """
    original = view.original(index)
    large = width * _OVERSAMPLING, height * _OVERSAMPLING
    frame = view.frames.get(view.frame_id(index))
    image = blank_canvas(large[1], large[0], PANEL) if frame is None else cut_window(frame, window, *large)
    points = window.move(view.before.keypoints[original])
    image = draw_skeleton(image, points, view.before.scores[original])
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)


def draw_changed(view: ClipView, index: int, window: Window, width: int, height: int) -> np.ndarray:
    """Return the skeleton that the model gets at entry ``index`` of ``after``, over the original one as a shadow.

    Returns:
        uint8 RGB [height, width, 3].
    """
    original = view.original(index)
    image = blank_canvas(height * _OVERSAMPLING, width * _OVERSAMPLING, PANEL)
    image = draw_skeleton(
        image, window.move(view.before.keypoints[original]), view.before.scores[original], color=GHOST
    )
    image = draw_skeleton(image, window.move(view.after.keypoints[index]), view.after.scores[index])
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)


def cut_window(frame: np.ndarray, window: Window, width: int, height: int) -> np.ndarray:
    """Return the window of ``frame`` at the given size, dimmed a little so that what is drawn on it stands out."""
    frame_height, frame_width = frame.shape[:2]
    scale = width / (window.width * frame_width), height / (window.height * frame_height)
    shift = -window.left * frame_width * scale[0], -window.top * frame_height * scale[1]
    matrix = np.array([[scale[0], 0, shift[0]], [0, scale[1], shift[1]]], dtype=np.float64)
    # cv2 maps pixel centres as whole numbers: move by half a pixel before and after.
    matrix[:, 2] += 0.5 * np.array(scale) - 0.5
    image = cv2.warpAffine(
        frame, matrix, (width, height), flags=cv2.INTER_LINEAR if scale[0] > 0.7 else cv2.INTER_AREA, borderValue=PANEL
    )
    return np.round(image * 0.8).astype(np.uint8)

"""Square pictures of one sampled hand: its box on the video, its keypoints, what a fusion does with them."""

from collections.abc import Sequence

import cv2
import numpy as np

from unisign.structures import PARTS
from unisign.visualization.clip_view import ClipView, Window, cut_window
from unisign.visualization.color_scale import scale_colors
from unisign.visualization.hand_view import HandView
from unisign.visualization.ink import Ink
from unisign.visualization.limbs import PART_LIMBS
from unisign.visualization.palette import CANVAS, GHOST, GRID, LEFT_ARM, PANEL, RIGHT_ARM, TEXT, Color
from unisign.visualization.skeleton import blank_canvas, draw_skeleton

SIDE_COLORS: dict[str, Color] = {'left': LEFT_ARM, 'right': RIGHT_ARM}
_OVERSAMPLING = 2  # drawn so many times larger, for finer lines


def draw_hand_box(view: ClipView, side: str, card: int, window: Window, size: int) -> np.ndarray:
    """Return the video frame of a sampled hand (its skeleton, if there is none) with the box of the crop.

    Args:
        view: the clip.
        side: ``left`` or ``right``.
        card: which of the hand's sampled frames.
        window: piece of the frame to show.
        size: side of the picture in pixels.

    Returns:
        uint8 RGB [size, size, 3].
    """
    hand, large = view.hands[side], size * _OVERSAMPLING
    frame = view.frames.get(int(hand.video_frames[card]))
    if frame is None:
        original = view.original(int(hand.frames[card]))
        points = window.move(view.before.keypoints[original])
        image = draw_skeleton(blank_canvas(large, large, PANEL), points, view.before.scores[original])
    else:
        image = cut_window(frame, window, large, large)
    ink = Ink(large, large)
    low, high = window.move(hand.boxes[card].reshape(2, 2)) * large
    for color, width in ((CANVAS, size / 40), (SIDE_COLORS[side], size / 70)):  # dark edges: seen on any video
        _draw_frame(ink, low, high, color, width * _OVERSAMPLING, 1.0)
    return _shrink(ink.over(image), size)


def draw_hand_keypoints(hand: HandView, side: str, card: int, size: int) -> np.ndarray:
    """Return the crop with the hand's keypoints, uint8 RGB [size, size, 3]; arguments as for ``draw_hand_box``."""
    image = _enlarge(hand.images[card], size * _OVERSAMPLING)
    points, unit = hand.keypoints[card] * len(image), len(image) / 130
    ink = Ink(*image.shape[:2])
    for limb in PART_LIMBS[side]:  # dark edges: a bright finger is seen on bright skin too
        ink.line(points[limb.start], points[limb.end], CANVAS, unit * (limb.weight + 0.8), 0.6)
    for limb in PART_LIMBS[side]:
        ink.line(points[limb.start], points[limb.end], limb.color, unit * limb.weight, 1.0)
    for point, color in zip(points, _keypoint_colors(side), strict=True):
        ink.disc(point, color, 1.3 * unit, 1.0)
    return _shrink(ink.over(image), size)


def draw_sampling_points(hand: HandView, side: str, card: int, size: int, margin: float) -> np.ndarray:
    """Return the crop with the places where each keypoint reads it, in the colour of the keypoint's finger.

    Args:
        hand: with sampling points.
        side: ``left`` or ``right``.
        card: which of the hand's sampled frames.
        size: side of the picture in pixels.
        margin: shown around the crop, as a share of its side; see ``fitting_margin``.

    Returns:
        uint8 RGB [size, size, 3].
    """
    large = size * _OVERSAMPLING
    inner = round(large / (1 + 2 * margin))
    start = (large - inner) // 2
    image = blank_canvas(large, large, PANEL)
    image[start : start + inner, start : start + inner] = _dimmed(_enlarge(hand.images[card], inner), 0.5)
    keypoints, places = (values[card] * inner + start for values in (hand.keypoints, hand.places))
    ink, unit = Ink(large, large), large / 200
    _draw_frame(ink, (start, start), (start + inner, start + inner), GRID, unit, 1.0 if margin else 0.0)
    colors = _keypoint_colors(side)
    for keypoint, own, color in zip(keypoints, places, colors, strict=True):
        for place in own:
            ink.line(keypoint, place, color, 0.5 * unit, 0.35)
    for own, color in zip(places, colors, strict=True):
        for place in own:
            ink.disc(place, CANVAS, 2.0 * unit, 0.8)
            ink.disc(place, color, 1.4 * unit, 1.0)
    for keypoint, color in zip(keypoints, colors, strict=True):
        ink.ring(keypoint, TEXT, 2.4 * unit, unit, 1.0)
        ink.disc(keypoint, color, 1.6 * unit, 1.0)
    return _shrink(ink.over(image), size)


def draw_gate(hand: HandView, side: str, card: int, size: int, ends: tuple[float, float]) -> np.ndarray:
    """Return the crop, faint, with each keypoint in the colour of its gate.

    Args:
        hand: with a gate.
        side: ``left`` or ``right``.
        card: which of the hand's sampled frames.
        size: side of the picture in pixels.
        ends: of the colour scale (``scale_colors``).

    Returns:
        uint8 RGB [size, size, 3].
    """
    image = _dimmed(_enlarge(hand.images[card], size * _OVERSAMPLING), 0.35)
    points, unit = hand.keypoints[card] * len(image), len(image) / 200
    ink = Ink(*image.shape[:2])
    for limb in PART_LIMBS[side]:
        ink.line(points[limb.start], points[limb.end], GHOST, unit, 0.8)
    for point, color in zip(points, scale_colors(hand.gates[card], ends).tolist(), strict=True):
        ink.disc(point, CANVAS, 6.0 * unit, 1.0)
        ink.disc(point, color, 5.0 * unit, 1.0)
    return _shrink(ink.over(image), size)


def fitting_margin(hands: dict[str, HandView], cards: dict[str, list[int]]) -> float:
    """Return how much must be shown around the crops for all sampling points to be seen, as a share of their side."""
    places = [hands[side].places[chosen].ravel() for side, chosen in cards.items() if chosen]
    beyond = max((max(-values.min(), values.max() - 1) for values in places), default=-1.0)
    return float(np.ceil(20 * max(beyond + 0.02, 0.0)) / 20)  # with room for a dot


def _keypoint_colors(side: str) -> list[Color]:
    """Return a colour for each of the 21 points, that of its finger; the root is light."""
    colors: list[Color] = [TEXT] * len(PARTS[side])
    for limb in PART_LIMBS[side]:
        colors[limb.end] = limb.color
    return colors


def _draw_frame(
    ink: Ink, low: Sequence[float], high: Sequence[float], color: Color, width: float, opacity: float
) -> None:
    left, top = low
    right, bottom = high
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    for start, end in zip(corners, corners[1:] + corners[:1], strict=True):
        ink.line(start, end, color, width, opacity)


def _enlarge(image: np.ndarray, size: int) -> np.ndarray:
    smooth = cv2.INTER_CUBIC if size > len(image) else cv2.INTER_AREA
    return cv2.resize(image, (size, size), interpolation=smooth)


def _shrink(image: np.ndarray, size: int) -> np.ndarray:
    return cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)


def _dimmed(image: np.ndarray, share: float) -> np.ndarray:
    return np.round(image * share).astype(np.uint8)

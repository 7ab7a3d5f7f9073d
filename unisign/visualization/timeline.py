"""Scores over time: where in a clip the estimator was sure of each part."""

from collections.abc import Mapping

import cv2
import numpy as np

from unisign.structures import PARTS
from unisign.visualization.palette import ACCENT, CANVAS, SUBDUED, TEXT, Color
from unisign.visualization.skeleton import SCORE_THRESHOLD, blank_canvas
from unisign.visualization.text import draw_text

# Mean score of a part -> colour: from what the model does not read to full confidence.
_STOPS = (0.0, SCORE_THRESHOLD, 0.5, 0.75, 1.0)
_COLORS: tuple[Color, ...] = ((62, 24, 40), (180, 50, 80), (226, 134, 62), (120, 180, 92), (70, 214, 160))
LABEL_SHARE = 0.1


def score_colors(scores: np.ndarray) -> np.ndarray:
    """Return uint8 RGB [..., 3] for scores (float [...], about 0..1)."""
    channels = [np.interp(scores, _STOPS, [color[channel] for color in _COLORS]) for channel in range(3)]
    return np.stack(channels, axis=-1).astype(np.uint8)


def draw_timeline(
    scores: np.ndarray,
    marks: list[int],
    width: int,
    row_height: int,
    sampled: Mapping[str, np.ndarray] | None = None,
) -> np.ndarray:
    """Return one row per part: its mean score in each frame, and the share of frames in which it is seen.

    Args:
        scores: float [T, 133].
        marks: frames to point at, shown by a triangle above.
        width: pixels.
        row_height: pixels of one part's row.
        sampled: part -> int [N], frames to mark in its row.

    Returns:
        uint8 RGB [about 6 rows, width, 3].
    """
    text_size, gap = max(9, round(row_height * 0.8)), max(1, row_height // 5)
    left, right = round(width * LABEL_SHARE), round(width * (1 - LABEL_SHARE))
    head = row_height + gap
    image = blank_canvas(head + len(PARTS) * (row_height + gap) + row_height * 2, width)
    span = right - left
    for mark in marks:
        x = left + (mark + 0.5) / len(scores) * span
        half = row_height * 0.45
        corners = np.array([(x - half, gap), (x + half, gap), (x, row_height)]).round().astype(np.int32)
        cv2.fillPoly(image, [corners], ACCENT, cv2.LINE_AA)
    for row, (name, part) in enumerate(PARTS.items()):
        top = head + row * (row_height + gap)
        means = scores[:, part.indices].mean(axis=1)
        strip = cv2.resize(score_colors(means)[None], (span, row_height), interpolation=cv2.INTER_NEAREST)
        image[top : top + row_height, left:right] = strip
        for frame in () if sampled is None else sampled.get(name, ()):
            _draw_mark(image, left + (frame + 0.5) / len(scores) * span, top, row_height)
        seen = f'{100 * (means > SCORE_THRESHOLD).mean():.0f} % of frames'
        draw_text(image, name, (left - 2 * gap, top), text_size, SUBDUED, align='right')
        draw_text(image, seen, (right + 2 * gap, top), text_size, SUBDUED)
    _draw_axis(image, len(scores), left, right, head + len(PARTS) * (row_height + gap), text_size)
    return image


def _draw_mark(image: np.ndarray, x: float, top: int, height: int) -> None:
    """Draw a light stroke with dark edges, which stands out from every score's colour."""
    for half, color in ((3, CANVAS), (1, TEXT)):
        image[top : top + height, max(round(x) - half, 0) : round(x) + half] = color


def _draw_axis(image: np.ndarray, count: int, left: int, right: int, top: int, size: int) -> None:
    for position in np.unique(np.linspace(0, count - 1, min(count, 7)).round().astype(int)):
        x = left + (position + 0.5) / count * (right - left)
        draw_text(image, str(position), (x, top), size, SUBDUED, align='center')
    draw_text(image, 'frame of the input', (right + 1.5 * size, top), size, SUBDUED)

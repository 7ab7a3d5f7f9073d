"""What sheets are put together from: strips as wide as the sheet."""

from collections.abc import Sequence

import numpy as np

from unisign.visualization.clip_view import ClipView
from unisign.visualization.palette import ACCENT, SUBDUED, TEXT
from unisign.visualization.skeleton import blank_canvas
from unisign.visualization.text import draw_text

GAP = 12
HEADING_SIZE = 15


def header(view: ClipView, width: int, font: str | None) -> np.ndarray:
    """Return clip id, facts, text and problem of a clip."""
    inner = width - 2 * GAP
    image = blank_canvas(1200, width)
    y = 2 * GAP
    y += draw_text(image, view.clip_id, (GAP, y), 22, ACCENT, inner, max_lines=1, font=font)
    facts = '   ·   '.join(f'{name} {value}' for name, value in view.facts.items())
    y += draw_text(image, facts, (GAP, y), 15, SUBDUED, inner, max_lines=3, font=font) + GAP // 2
    if view.text:
        y += draw_text(image, view.text, (GAP, y), 26, TEXT, inner, max_lines=4, font=font)
    if view.problem:
        y += draw_text(image, view.problem, (GAP, y), 15, ACCENT, inner, max_lines=3, font=font)
    return image[: y + GAP]


def heading(text: str, width: int) -> np.ndarray:
    """Return what stands above a row."""
    image = blank_canvas(34, width)
    draw_text(image, text, (GAP, 8), HEADING_SIZE, SUBDUED)
    return image


def frame_caption(view: ClipView, index: int, frame_id: int) -> str:
    """Return what stands above entry ``index`` of ``view.after``: its number, the video's if it differs, the time."""
    rate = view.before.frame_rate
    seconds = f', {frame_id / rate:.2f} s' if rate else ''
    return f'{index}: video frame {frame_id}{seconds}' if frame_id != index else f'frame {index}{seconds}'


def row(pictures: Sequence[np.ndarray], width: int) -> np.ndarray:
    """Return pictures side by side."""
    height = max(picture.shape[0] for picture in pictures)
    image = blank_canvas(height + GAP // 2, width)
    x = GAP
    for picture in pictures:
        image[: picture.shape[0], x : x + picture.shape[1]] = picture
        x += picture.shape[1] + GAP
    return image

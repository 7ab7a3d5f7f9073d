"""Text on an image, in any script that an installed font has, wrapped to a width."""

import re
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw

from unisign.visualization.fonts import choose_font, load_font
from unisign.visualization.palette import TEXT, Color

LINE_SPACING = 1.35
# A break is allowed after spaces, and around each character of scripts written without them.
_UNSPACED = r'\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef'
_PIECES = re.compile(rf'[{_UNSPACED}]|[^\s{_UNSPACED}]+|\s+')


def wrap_text(
    text: str, size: int, max_width: float, max_lines: int | None = None, font: str | None = None
) -> list[str]:
    """Return ``text`` in lines no wider than ``max_width`` pixels.

    Words stay whole unless one alone is too wide; Chinese may break anywhere. Line breaks in the text are kept.

    Args:
        text: what to write.
        size: font size in pixels.
        max_width: pixels.
        max_lines: cut off after so many lines, with an ellipsis; None keeps all.
        font: font file; None looks for an installed one.
    """
    path, text = choose_font(text, font)
    length = load_font(path, size).getlength
    lines: list[str] = []
    for paragraph in text.split('\n'):
        line = ''
        for piece in _PIECES.findall(paragraph):
            while piece and length((line + piece).rstrip()) > max_width:
                if line.strip():
                    lines.append(line.rstrip())
                    line, piece = '', piece.lstrip()
                else:  # one word that is too wide: as many of its letters as fit, at least one
                    fitting = max((n for n in range(1, len(piece) + 1) if length(piece[:n]) <= max_width), default=1)
                    lines.append(piece[:fitting])
                    piece = piece[fitting:]
            line += piece
        if line.strip() or not paragraph.strip():
            lines.append(line.rstrip())
    if max_lines is not None and len(lines) > max_lines:
        last = lines[max_lines - 1]
        while last and length(f'{last}…') > max_width:
            last = last[:-1]
        lines = [*lines[: max_lines - 1], f'{last}…']
    return lines


def draw_text(
    image: np.ndarray,
    text: str,
    position: tuple[float, float],
    size: int,
    color: Color = TEXT,
    max_width: float | None = None,
    max_lines: int | None = None,
    align: Literal['left', 'center', 'right'] = 'left',
    font: str | None = None,
) -> int:
    """Write on ``image`` and return the height of the written lines in pixels.

    Args:
        image: uint8 RGB [H, W, 3], changed in place; what does not fit is cut off at its edge.
        text: what to write; line breaks are kept.
        position: x of the left edge, the centre or the right edge (see ``align``), and y of the top, in pixels.
        size: font size in pixels.
        color: RGB.
        max_width: wrap to so many pixels; None: to the image's right edge (left-aligned text only).
        max_lines: cut off after so many lines.
        align: which point of a line ``position`` is.
        font: font file; None looks for an installed one.
    """
    x, y = position
    if max_width is None:
        max_width = image.shape[1] - x if align == 'left' else image.shape[1]
    lines = wrap_text(text, size, max(max_width, size), max_lines, font)
    path, _ = choose_font(text, font)
    loaded = load_font(path, size)
    for number, line in enumerate(lines):
        width = int(loaded.getlength(line)) + 4
        left = x - {'left': 0, 'center': width / 2, 'right': width}[align]
        mask = Image.new('L', (width, round(size * 1.5)))
        ImageDraw.Draw(mask).text((0, size), line, fill=255, font=loaded, anchor='ls')
        _blend(image, np.asarray(mask), round(left), round(y + number * size * LINE_SPACING), color)
    return round(len(lines) * size * LINE_SPACING)


def _blend(image: np.ndarray, mask: np.ndarray, left: int, top: int, color: Color) -> None:
    """Paint ``color`` through ``mask`` (uint8 [h, w]) whose corner lies at (left, top), cut at the image's edges."""
    height, width = image.shape[:2]
    rows = slice(max(top, 0), max(min(top + mask.shape[0], height), 0))
    columns = slice(max(left, 0), max(min(left + mask.shape[1], width), 0))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return
    cut = mask[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left, None]
    opacity = cut.astype(np.float32) / 255
    region = image[rows, columns]
    image[rows, columns] = np.round(region * (1 - opacity) + np.array(color) * opacity).astype(np.uint8)

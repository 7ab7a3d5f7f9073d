"""Colours for shares from 0 to 1, and their legend."""

import numpy as np

from unisign.visualization.palette import SHARE_SCALE, TEXT
from unisign.visualization.text import draw_text


def share_colors(shares: np.ndarray) -> np.ndarray:
    """Return uint8 RGB [..., 3] for shares (float [...], 0..1; others take the nearest end's colour)."""
    stops = np.linspace(0, 1, len(SHARE_SCALE))
    channels = [np.interp(shares, stops, [color[channel] for color in SHARE_SCALE]) for channel in range(3)]
    return np.stack(channels, axis=-1).round().astype(np.uint8)


def draw_share_legend(image: np.ndarray, left: int, top: int, width: int, size: int) -> None:
    """Draw the scale from 0 to 1 with its ends named, in place.

    Args:
        image: uint8 RGB [H, W, 3].
        left: of the whole, in pixels.
        top: of the text line that it stands in.
        width: of the bar.
        size: of the font.
    """
    start = left + size
    draw_text(image, '0', (left, top), size, TEXT)
    bar = image[top + size // 4 : top + size, start : start + width]
    bar[:] = share_colors(np.linspace(0, 1, width))[: bar.shape[1]]
    draw_text(image, '1', (start + width + size // 3, top), size, TEXT)

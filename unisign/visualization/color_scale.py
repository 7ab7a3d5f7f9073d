"""A colour scale for numbers that are neither good nor bad, and its legend."""

import numpy as np

from unisign.visualization.palette import SCALE, TEXT
from unisign.visualization.text import draw_text

_STEP = 0.05  # ends of a scale are multiples of it


def scale_ends(values: np.ndarray) -> tuple[float, float]:
    """Return round numbers around all values (float, not empty), at least 0.1 apart so that noise stays one colour."""
    low, high = np.floor(values.min() / _STEP + 1e-6), np.ceil(values.max() / _STEP - 1e-6)
    if high - low < 2:
        low, high = (low - 1, high) if low >= 1 else (low, low + 2)
    return float(low * _STEP), float(high * _STEP)


def scale_colors(values: np.ndarray, ends: tuple[float, float] = (0.0, 1.0)) -> np.ndarray:
    """Return uint8 RGB [..., 3] for values (float [...]); those beyond the ends take the nearest end's colour."""
    stops = np.linspace(*ends, len(SCALE))
    channels = [np.interp(values, stops, [color[channel] for color in SCALE]) for channel in range(3)]
    return np.stack(channels, axis=-1).round().astype(np.uint8)


def draw_scale(image: np.ndarray, ends: tuple[float, float], left: int, top: int, width: int, size: int) -> None:
    """Draw the scale with its ends named, in place.

    Args:
        image: uint8 RGB [H, W, 3].
        ends: smallest and largest value.
        left: of the whole, in pixels.
        top: of the text line that it stands in.
        width: of the bar.
        size: of the font.
    """
    start = left + 3 * size
    draw_text(image, f'{ends[0]:.2f}', (start - size // 2, top), size, TEXT, align='right')
    bar = image[top + size // 4 : top + size, start : start + width]
    bar[:] = scale_colors(np.linspace(0, 1, width))[: bar.shape[1]]
    draw_text(image, f'{ends[1]:.2f}', (start + width + size // 2, top), size, TEXT)

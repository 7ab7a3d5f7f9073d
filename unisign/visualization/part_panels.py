"""The four parts after normalisation: what the model reads."""

import numpy as np

from unisign.structures import PARTS
from unisign.visualization.ink import Ink
from unisign.visualization.limbs import PART_LIMBS
from unisign.visualization.palette import GRID, PANEL, SUBDUED
from unisign.visualization.skeleton import blank_canvas, opacities
from unisign.visualization.text import draw_text

MARGIN = 0.06  # of the panel's side, around the square [-1, 1]
LARGEST_ZOOM = 6.0


def draw_part(name: str, values: np.ndarray, size: int, zoom: float = 1.0, label: bool = True) -> np.ndarray:
    """Return a square panel with one part of one frame.

    Args:
        name: ``body``, ``left``, ``right`` or ``face_all``.
        values: float [V, 3]; x and y in [-1, 1], score; a point that is all 0 is missing and not drawn.
        size: side in pixels.
        zoom: 1 shows [-1, 1]; z shows [-1/z, 1/z]. Points outside are cut off.
        label: write the part's name and how many of its points are there.

    Returns:
        uint8 RGB [size, size, 3].

    Raises:
        ValueError: if ``values`` does not hold the part's number of points.
    """
    part = PARTS[name]
    if values.shape != (len(part), 3):
        raise ValueError(f'part {name!r} has {len(part)} points: expected [{len(part)}, 3], got {values.shape}')
    ink = Ink(size, size)
    _draw_grid(ink, size)
    points = (values[:, :2] * zoom * (0.5 - MARGIN) + 0.5) * size
    present = (values != 0).any(axis=1)
    # The origin point of a hand or face sits at 0 with its score, so it is present too.
    opacity = np.where(present, np.maximum(opacities(values[:, 2]), 0.35), 0.0)
    unit = size / 90
    colors = {}
    for limb in PART_LIMBS[name]:
        colors[limb.start], colors[limb.end] = limb.color, limb.color
        strength = min(opacity[limb.start], opacity[limb.end])
        if strength > 0:
            ink.line(points[limb.start], points[limb.end], limb.color, unit * limb.weight, strength)
    for index in np.flatnonzero(present):
        ink.disc(points[index], colors.get(index, SUBDUED), 1.15 * unit, opacity[index])
    panel = ink.over(blank_canvas(size, size, PANEL))
    if label:
        text_size = min(max(9, size // 13), 14)
        enlarged = f' x{zoom:g}' if zoom != 1 else ''
        draw_text(panel, f'{name}{enlarged}', (0.05 * size, 0.04 * size), text_size, SUBDUED)
        counted = f'{present.sum()}/{len(part)}'
        draw_text(panel, counted, (0.95 * size, 0.04 * size), text_size, SUBDUED, align='right')
    return panel


def _draw_grid(ink: Ink, size: int) -> None:
    low, middle, high = MARGIN * size, 0.5 * size, (1 - MARGIN) * size
    for position in (low, middle, high):
        strength = 0.9 if position == middle else 0.5
        ink.line((position, low), (position, high), GRID, 1, strength)
        ink.line((low, position), (high, position), GRID, 1, strength)


def fitting_zoom(parts: dict[str, np.ndarray]) -> dict[str, float]:
    """Return how far each part of a clip can be enlarged so that nearly all of its points stay visible.

    Hands and faces are small beside the body, by whose size they are divided. Both hands get the same zoom; steps of
    one half, from 1 to 6.

    Args:
        parts: per part float [T, V, 3] as ``NormalizeParts`` gives it.
    """
    zoom: dict[str, float] = {}
    for names in (('body',), ('left', 'right'), ('face_all',)):
        farthest = np.concatenate([np.abs(parts[name][..., :2]).max(axis=(1, 2)) for name in names])
        extent = np.quantile(farthest[farthest > 0], 0.98) if (farthest > 0).any() else 1.0
        fitting = np.clip(np.floor(2 / max(extent, 1e-3) + 1e-3) / 2, 1.0, LARGEST_ZOOM)
        zoom |= dict.fromkeys(names, float(fitting))
    return zoom


def draw_parts(parts: dict[str, np.ndarray], frame: int, size: int, zoom: dict[str, float] | None = None) -> np.ndarray:
    """Return the four parts of one frame, two by two: body and face above, the signer's right and left hand below.

    Args:
        parts: per part float [T, V, 3] as ``NormalizeParts`` gives it.
        frame: which of the T frames.
        size: side of the whole in pixels.
        zoom: enlargement per part; default: what fits the whole clip (``fitting_zoom``).

    Returns:
        uint8 RGB [size, size, 3].
    """
    zoom, gap = zoom or fitting_zoom(parts), max(2, size // 60)
    side = (size - gap) // 2
    whole = blank_canvas(size, size)
    # As a viewer sees the signer: the signer's right hand is on the left of the picture.
    for place, name in enumerate(('body', 'face_all', 'right', 'left')):
        top, left = (place // 2) * (side + gap), (place % 2) * (side + gap)
        panel = draw_part(name, parts[name][frame], side, zoom.get(name, 1.0))
        whole[top : top + side, left : left + side] = panel
    return whole

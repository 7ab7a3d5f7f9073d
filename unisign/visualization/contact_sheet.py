"""Pictures of a whole clip: a contact sheet, or every frame as a video."""

from collections.abc import Iterator

import numpy as np

from unisign.visualization.clip_view import ClipView, Window, draw_changed, draw_original, window_around
from unisign.visualization.hand_sheet import draw_hands
from unisign.visualization.palette import SUBDUED
from unisign.visualization.part_panels import draw_parts, fitting_zoom
from unisign.visualization.sheet_blocks import GAP, frame_caption, header, heading, row
from unisign.visualization.skeleton import blank_canvas
from unisign.visualization.text import draw_text
from unisign.visualization.timeline import draw_timeline

COLUMN_ASPECT = 1.0  # width to height of a frame's picture
VIDEO_COLUMN = 520


def draw_contact_sheet(
    view: ClipView, columns: int = 6, column_width: int = 300, font: str | None = None
) -> np.ndarray:
    """Return a sheet with frames of a clip side by side: on the video, as the model gets them, as normalised parts.

    The row of changed poses is there only if the pipeline changes any, pictures of the hands only if it loads some.

    Args:
        view: the clip.
        columns: number of frames shown, evenly spaced.
        column_width: pixels of one frame.
        font: font file for the text; None looks for an installed one.

    Returns:
        uint8 RGB [H, columns * (column_width + 12) + 12, 3].
    """
    indices = view.evenly_spaced(columns)
    width = columns * (column_width + GAP) + GAP
    height = round(column_width / COLUMN_ASPECT)
    window = window_around(view, indices, COLUMN_ASPECT)
    blocks = [header(view, width, font), _captions(view, indices, column_width, width)]
    blocks.append(row([draw_original(view, index, window, column_width, height) for index in indices], width))
    if view.changed:
        blocks.append(heading('after the pipeline, over the original as a shadow', width))
        blocks.append(row([draw_changed(view, index, window, column_width, height) for index in indices], width))
    if view.parts is not None:
        zoom = fitting_zoom(view.parts)
        blocks.append(heading('normalised parts: what the model reads', width))
        blocks.append(row([draw_parts(view.parts, index, column_width, zoom) for index in indices], width))
    if view.hands:
        blocks.append(draw_hands(view, width))
    sampled = {side: hand.frames for side, hand in view.hands.items() if len(hand.frames)}
    marked = ', the sampled frames of the hands marked' if sampled else ''
    blocks.append(heading(f"the estimator's scores over time{marked}", width))
    blocks.append(draw_timeline(view.after.scores, indices, width, 16, sampled))
    return np.concatenate(blocks)


def draw_frames(view: ClipView, column_width: int = VIDEO_COLUMN, font: str | None = None) -> Iterator[np.ndarray]:
    """Yield a picture of every frame of ``view.after``, all of one size: the columns of a contact sheet side by side.

    Args:
        view: the clip, with the video's frames if they are to be seen.
        column_width: pixels of one picture beside another.
        font: font file for the text; None looks for an installed one.
    """
    indices = list(range(len(view.after)))
    window = window_around(view, indices, 1.0)
    number = 1 + view.changed + (view.parts is not None)
    width = number * (column_width + GAP) + GAP
    top = header(view, width, font)
    zoom = fitting_zoom(view.parts) if view.parts is not None else None
    for index in indices:
        pictures = _pictures(view, index, window, column_width, zoom)
        timeline = draw_timeline(view.after.scores, [index], width, 12)
        yield np.concatenate([top, row(pictures, width), timeline])


def _pictures(view: ClipView, index: int, window: Window, size: int, zoom: dict[str, float] | None) -> list[np.ndarray]:
    pictures = [draw_original(view, index, window, size, size)]
    if view.changed:
        pictures.append(draw_changed(view, index, window, size, size))
    if view.parts is not None:
        pictures.append(draw_parts(view.parts, index, size, zoom))
    return pictures


def _captions(view: ClipView, indices: list[int], column_width: int, width: int) -> np.ndarray:
    image = blank_canvas(28, width)
    for column, index in enumerate(indices):
        caption = frame_caption(view, index, view.frame_id(index))
        draw_text(image, caption, (GAP + column * (column_width + GAP), 4), 14, SUBDUED)
    return image

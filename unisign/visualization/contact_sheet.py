"""Pictures of a whole clip: a contact sheet, or every frame as a video."""

from collections.abc import Iterator

import numpy as np

from unisign.visualization.clip_view import ClipView, Window, draw_changed, draw_original, window_around
from unisign.visualization.palette import ACCENT, SUBDUED, TEXT
from unisign.visualization.part_panels import draw_parts, fitting_zoom
from unisign.visualization.skeleton import blank_canvas
from unisign.visualization.text import draw_text
from unisign.visualization.timeline import draw_timeline

GAP = 12
COLUMN_ASPECT = 1.0  # width to height of a frame's picture
VIDEO_COLUMN = 520


def draw_contact_sheet(
    view: ClipView, columns: int = 6, column_width: int = 300, font: str | None = None
) -> np.ndarray:
    """Return a sheet with frames of a clip side by side: on the video, as the model gets them, as normalised parts.

    The row of changed poses is there only if the pipeline changes any.

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
    blocks = [_header(view, width, font), _captions(view, indices, column_width, width)]
    blocks.append(_row([draw_original(view, index, window, column_width, height) for index in indices], width))
    if view.changed:
        blocks.append(_heading('after the pipeline, over the original as a shadow', width))
        blocks.append(_row([draw_changed(view, index, window, column_width, height) for index in indices], width))
    if view.parts is not None:
        zoom = fitting_zoom(view.parts)
        blocks.append(_heading('normalised parts: what the model reads', width))
        blocks.append(_row([draw_parts(view.parts, index, column_width, zoom) for index in indices], width))
    blocks.append(_heading("the estimator's scores over time", width))
    blocks.append(draw_timeline(view.after.scores, indices, width, 16))
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
    header = _header(view, width, font)
    zoom = fitting_zoom(view.parts) if view.parts is not None else None
    for index in indices:
        pictures = _pictures(view, index, window, column_width, zoom)
        timeline = draw_timeline(view.after.scores, [index], width, 12)
        yield np.concatenate([header, _row(pictures, width), timeline])


def _pictures(view: ClipView, index: int, window: Window, size: int, zoom: dict[str, float] | None) -> list[np.ndarray]:
    pictures = [draw_original(view, index, window, size, size)]
    if view.changed:
        pictures.append(draw_changed(view, index, window, size, size))
    if view.parts is not None:
        pictures.append(draw_parts(view.parts, index, size, zoom))
    return pictures


def _header(view: ClipView, width: int, font: str | None) -> np.ndarray:
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


def _heading(text: str, width: int) -> np.ndarray:
    image = blank_canvas(34, width)
    draw_text(image, text, (GAP, 8), 15, SUBDUED)
    return image


def _captions(view: ClipView, indices: list[int], column_width: int, width: int) -> np.ndarray:
    image = blank_canvas(28, width)
    for column, index in enumerate(indices):
        frame_id = view.frame_id(index)
        rate = view.before.frame_rate
        seconds = f', {frame_id / rate:.2f} s' if rate else ''
        caption = f'{index}: video frame {frame_id}{seconds}' if frame_id != index else f'frame {index}{seconds}'
        draw_text(image, caption, (GAP + column * (column_width + GAP), 4), 14, SUBDUED)
    return image


def _row(pictures: list[np.ndarray], width: int) -> np.ndarray:
    height = max(picture.shape[0] for picture in pictures)
    image = blank_canvas(height + GAP // 2, width)
    x = GAP
    for picture in pictures:
        image[: picture.shape[0], x : x + picture.shape[1]] = picture
        x += picture.shape[1] + GAP
    return image

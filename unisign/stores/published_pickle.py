"""The published clip file: a pickle of keypoints and scores (spec.md, section 2)."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np

from unisign.stores.restricted_pickle import load_restricted_pickle
from unisign.structures import NUM_KEYPOINTS, ClipError, Poses

_LAYOUT = 'Expected a dict with keypoints (T entries of [1, 133, 2]) and scores (T entries of [1, 133]).'


def read_published_pickle(path: str | Path) -> Poses:
    """Return the first person's poses of a published clip file.

    The file holds a dict with ``keypoints``, T entries of [P, 133, 2], and ``scores``, T entries of [P, 133], as arrays
    or nested lists; entries without the person axis are read too. Where it has ``start`` and ``end``, the clip is
    frames start..end-1, and ``frame_ids`` says so. ``w_h`` is the frame size in pixels.

    Raises:
        ClipError: for a file that cannot be read, is refused, or does not hold what is described above.
    """
    content = load_restricted_pickle(path)
    if not isinstance(content, dict):
        raise ClipError(path, f'the pickle holds a {type(content).__name__}.', _LAYOUT)
    missing = [key for key in ('keypoints', 'scores') if key not in content]
    if missing:
        found = sorted(map(str, content))[:20]
        raise ClipError(path, f'the pickle has no {" and no ".join(missing)}; found {found}.', _LAYOUT)
    poses = Poses(
        keypoints=_first_person(content['keypoints'], (NUM_KEYPOINTS, 2), f'{path}, keypoints'),
        scores=_first_person(content['scores'], (NUM_KEYPOINTS,), f'{path}, scores'),
        frame_size=_frame_size(content.get('w_h'), path),
    )
    frames = _frame_range(content, len(poses), path)
    return (poses if frames is None else poses.select(frames)).validate(path)


def write_published_pickle(path: Path, poses: Poses) -> None:
    """Write ``poses`` as a pickled dict: ``keypoints`` T arrays [1, 133, 2], ``scores`` T arrays [1, 133], ``w_h``."""
    content = {'keypoints': list(poses.keypoints[:, None]), 'scores': list(poses.scores[:, None])}
    if poses.frame_size is not None:
        content['w_h'] = list(poses.frame_size)
    path.write_bytes(pickle.dumps(content, protocol=4))


def _first_person(entries: object, frame_shape: tuple[int, ...], source: str) -> np.ndarray:
    """Return float32 [T, *frame_shape] from T entries of [P, *frame_shape] or [*frame_shape]."""
    if not isinstance(entries, list | tuple | np.ndarray) or _shape(entries) == ():
        raise ClipError(source, f'expected a list of T frames, got {type(entries).__name__}.', _LAYOUT)
    if len(entries) == 0:
        raise ClipError(source, 'the clip has no frames.', 'Remove it from the annotations or extract it again.')
    first = [_person_zero(entry, frame_shape, f'{source}, frame {t}') for t, entry in enumerate(entries)]
    try:
        return np.array(first, dtype=np.float32)
    except (ValueError, TypeError, OverflowError) as error:
        raise ClipError(source, f'not every value is a number ({error}).', _LAYOUT) from error


def _person_zero(entry: Any, frame_shape: tuple[int, ...], source: str) -> Any:
    """Return the first person of one frame: an array or nested lists of shape ``frame_shape``."""
    shape = _shape(entry)
    if shape[1:] == frame_shape and shape[0] > 0:
        entry, shape = entry[0], _shape(entry[0])
    if shape != frame_shape:
        raise ClipError(source, f'expected [1, {str(frame_shape)[1:-1].rstrip(",")}], got {list(shape)}.', _LAYOUT)
    return entry


def _shape(entry: object) -> tuple[int, ...]:
    """Return the shape of an array or of nested lists, judged by the first element of each list.

    No array is made of lists before their shape is known: a hostile file can nest few lists into very many numbers.
    """
    shape: tuple[int, ...] = ()
    while isinstance(entry, list | tuple) and len(shape) < 8:
        shape += (len(entry),)
        entry = entry[0] if entry else None
    return shape + (entry.shape if isinstance(entry, np.ndarray) else ())


def _frame_size(w_h: Any, path: str | Path) -> tuple[int, int] | None:
    if w_h is None:
        return None
    try:
        width, height = (int(side) for side in w_h)
    except (TypeError, ValueError):
        width = height = 0
    if min(width, height) <= 0:
        raise ClipError(path, f'w_h should be the width and height in pixels, got {w_h!r}.', 'Correct or remove it.')
    return width, height


def _frame_range(content: dict, num_frames: int, path: str | Path) -> np.ndarray | None:
    if content.get('start') is None and content.get('end') is None:
        return None
    try:
        start = int(content.get('start') or 0)
        end = num_frames if content.get('end') is None else int(content['end'])
    except (TypeError, ValueError):
        start, end = 0, -1
    if not 0 <= start < end <= num_frames:
        raise ClipError(
            path,
            f'start {content.get("start")!r} and end {content.get("end")!r} do not fit its {num_frames} frames.',
            'Expected 0 <= start < end <= T; the file may be truncated.',
        )
    return np.arange(start, end)

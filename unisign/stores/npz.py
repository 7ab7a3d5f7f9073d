"""Poses of one clip in a ``.npz`` file."""

import zipfile
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.lib import format as npy_format

from unisign.structures import ClipError, Poses

_LAYOUT = (
    'Expected arrays keypoints [T, 133, 2] and scores [T, 133]; optional: frame_size [2], frame_rate, frame_ids [T].'
)


def read_npz(path: str | Path) -> Poses:
    """Return the poses in ``path``: arrays of any float type, see ``write_npz`` for the names.

    Raises:
        ClipError: if the file cannot be read, lacks an array, holds objects, or ``Poses.validate`` refuses it.
    """
    arrays = _read_arrays(path)
    missing = [key for key in ('keypoints', 'scores') if key not in arrays]
    if missing:
        raise ClipError(path, f'no array {" and no ".join(missing)}; found {sorted(arrays)}.', _LAYOUT)
    try:
        poses = Poses(
            keypoints=arrays['keypoints'].astype(np.float32),
            scores=arrays['scores'].astype(np.float32),
            frame_size=_frame_size(arrays, path),
            frame_rate=float(arrays['frame_rate']) if 'frame_rate' in arrays else None,
            frame_ids=arrays['frame_ids'].astype(np.int64) if 'frame_ids' in arrays else None,
        )
    except (TypeError, ValueError) as error:
        raise ClipError(path, f'an array cannot be read as numbers ({error}).', _LAYOUT) from error
    if poses.keypoints.ndim == 4 and poses.keypoints.shape[1] == 1 and poses.scores.ndim == 3:
        raise ClipError(path, 'the arrays have a person axis.', 'Save keypoints[:, 0] and scores[:, 0]. ' + _LAYOUT)
    return check_side_information(poses, path).validate(path)


def write_npz(path: str | Path | BinaryIO, poses: Poses) -> None:
    """Write ``poses`` to ``path``, a file's name or a file opened for writing; what is unknown is left out."""
    optional = {'frame_size': poses.frame_size, 'frame_rate': poses.frame_rate, 'frame_ids': poses.frame_ids}
    known = {name: np.asarray(value) for name, value in optional.items() if value is not None}
    np.savez(path, keypoints=poses.keypoints, scores=poses.scores, **known)


def npz_num_frames(path: str | Path) -> int:
    """Return the number of frames in ``path`` from the array's header alone.

    Raises:
        ClipError: if the file cannot be read or holds no keypoints.
    """
    try:
        with zipfile.ZipFile(path) as archive, archive.open('keypoints.npy') as member:
            version = npy_format.read_magic(member)
            read_header = npy_format.read_array_header_1_0 if version == (1, 0) else npy_format.read_array_header_2_0
            shape, _, _ = read_header(member)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise ClipError(path, f'not a readable .npz of poses ({error}).', _LAYOUT) from error
    return shape[0] if shape else 0


def check_side_information(poses: Poses, source: object) -> Poses:
    """Return ``poses`` if frame size, frame rate and frame ids are possible.

    Raises:
        ClipError: if they are not.
    """
    if poses.frame_size is not None and min(poses.frame_size) <= 0:
        raise ClipError(source, f'frame_size should be width and height in pixels, got {poses.frame_size}.', _LAYOUT)
    if poses.frame_rate is not None and not 0 < poses.frame_rate < float('inf'):
        raise ClipError(source, f'frame_rate should be frames per second, got {poses.frame_rate}.', _LAYOUT)
    if poses.frame_ids is not None and poses.frame_ids.shape != poses.keypoints.shape[:1]:
        raise ClipError(source, f'frame_ids has shape {list(poses.frame_ids.shape)} for {len(poses)} frames.', _LAYOUT)
    return poses


def _frame_size(arrays: dict[str, np.ndarray], path: str | Path) -> tuple[int, int] | None:
    if 'frame_size' not in arrays:
        return None
    if arrays['frame_size'].shape != (2,):
        raise ClipError(path, f'frame_size has shape {list(arrays["frame_size"].shape)}, not [2].', _LAYOUT)
    width, height = (int(side) for side in arrays['frame_size'])
    return width, height


def _read_arrays(path: str | Path) -> dict[str, np.ndarray]:
    try:
        archive = np.load(path, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise ValueError('it is a single array')
        with archive:
            return {name: archive[name] for name in archive.files}
    except FileNotFoundError as error:
        raise ClipError(path, 'there is no such file.', 'Check the annotation and data_root.') from error
    except Exception as error:  # a damaged archive can fail in zipfile, zlib or numpy, each with errors of its own
        raise ClipError(
            path,
            f'not a readable .npz of plain arrays ({type(error).__name__}: {error}).',
            'It may be truncated, or hold Python objects: write it again.',
        ) from error

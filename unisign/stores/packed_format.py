"""The bytes of one clip in a packed store.

    header (40 bytes, little-endian)
        4s  magic b'UPK1'          the last byte is the version of the layout
        I   crc32 of everything behind this field
        I   T, number of frames
        H   P, number of points
        B   element type of keypoints and scores: 0 float32, 1 float16
        B   flags: 1 = a subset of points, 2 = frame ids present
        I   frame width in pixels, 0 if unknown
        I   frame height
        d   frame rate, 0 if unknown
        8x  reserved, zero
    points     [P] uint8, which of the 133 points; only with flag 1
    keypoints  [T, P, 2]
    scores     [T, P]
    frame ids  [T] int32; only with flag 2
Arrays lie raw, one behind the other: reading is one copy, without parsing and without unpickling.
"""

import struct
import zlib
from functools import lru_cache

import numpy as np
import torch

from unisign.structures import NUM_KEYPOINTS, PARTS, ClipError, Poses
from unisign.structures.keypoint_layout import point_runs

_HEADER = struct.Struct('<4sIIHBBIId8x')
_MAGIC = b'UPK1'
_CRC_END = 8  # the crc32 covers the bytes from here on
_DTYPES = (np.dtype('<f4'), np.dtype('<f2'))
_HAS_SUBSET, _HAS_FRAME_IDS = 1, 2
_SCORE_THRESHOLD = np.float32(0.3)

# The 69 points that the four parts read (spec.md, section 2).
USED_POINTS: tuple[int, ...] = tuple(sorted({index for part in PARTS.values() for index in part.indices}))


def encode_clip(poses: Poses, dtype: str = 'float32', points: tuple[int, ...] | None = None) -> bytes:
    """Return ``poses`` as bytes.

    Args:
        poses: a valid clip.
        dtype: ``float32``, or ``float16``: half the size; inside the frame a coordinate moves by 1/4096 of it at most.
        points: keep these keypoints only; None keeps all 133.
    """
    code = ('float32', 'float16').index(dtype)
    keypoints, scores = poses.keypoints, poses.scores
    flags, subset = 0, b''
    if points is not None:
        flags, subset = _HAS_SUBSET, bytes(points)
        keypoints, scores = keypoints[:, list(points)], scores[:, list(points)]
    parts = [subset, keypoints.astype(_DTYPES[code]).tobytes(), _as_scores(scores, _DTYPES[code]).tobytes()]
    if poses.frame_ids is not None:
        flags |= _HAS_FRAME_IDS
        parts.append(poses.frame_ids.astype('<i4').tobytes())
    width, height = poses.frame_size or (0, 0)
    header = _HEADER.pack(
        _MAGIC, 0, len(poses), keypoints.shape[1], code, flags, width, height, poses.frame_rate or 0.0
    )
    body = header[_CRC_END:] + b''.join(parts)
    return _MAGIC + struct.pack('<I', zlib.crc32(body)) + body


def decode_clip(value: bytes | memoryview, source: object) -> Poses:
    """Return the clip in ``value``; its arrays own their memory.

    Points that were not kept come back as (0, 0) with score 0.

    Raises:
        ClipError: if ``value`` is damaged or was written by another version.
    """
    view = memoryview(value)
    if len(view) < _HEADER.size or bytes(view[:4]) != _MAGIC:
        raise ClipError(source, 'this is no packed clip of a known version.', 'Pack it again with this release.')
    _, crc, num_frames, num_points, code, flags, width, height, frame_rate = _HEADER.unpack_from(view)
    if zlib.crc32(view[_CRC_END:]) != crc:
        raise ClipError(
            source, 'the packed clip is damaged: its checksum differs.', 'Copy the store again, or pack it again.'
        )
    offset, points = _HEADER.size, None
    if flags & _HAS_SUBSET:
        points = np.frombuffer(view, np.uint8, num_points, offset)
        offset += num_points
    size, dtype = num_frames * num_points, _DTYPES[code]
    values = _as_float32(np.frombuffer(view, dtype, 3 * size, offset))
    # x and y of a point as one number, so that they are moved together.
    pairs = _all_points(values[: 2 * size].view(np.complex64).reshape(num_frames, num_points), points)
    frame_ids = None
    if flags & _HAS_FRAME_IDS:
        frame_ids = np.frombuffer(view, '<i4', num_frames, offset + 3 * size * dtype.itemsize).astype(np.int64)
    return Poses(
        keypoints=pairs.view(np.float32).reshape(*pairs.shape, 2),
        scores=_all_points(values[2 * size :].reshape(num_frames, num_points), points),
        frame_size=(width, height) if width and height else None,
        frame_rate=frame_rate or None,
        frame_ids=frame_ids,
    )


def _as_float32(values: np.ndarray) -> np.ndarray:
    """Return little-endian ``values`` [N] as float32 in memory of their own."""
    own = values.astype(values.dtype.newbyteorder('='))
    # The same numbers as astype(np.float32), ten times as fast.
    return torch.from_numpy(own).to(torch.float32).numpy()


def _all_points(values: np.ndarray, points: np.ndarray | None) -> np.ndarray:
    """Return [T, 133] of ``values`` [T, P], zeros at points that were not kept."""
    if points is None:
        return values
    full = np.zeros((len(values), NUM_KEYPOINTS), values.dtype)
    for kept, place in _runs(points.tobytes()):
        full[:, place] = values[:, kept]
    return full


@lru_cache(maxsize=8)
def _runs(points: bytes) -> list[tuple[slice, slice]]:
    return point_runs(points)


def _as_scores(scores: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Return ``scores`` in ``dtype``, no point crossing the threshold by rounding.

    The nearest float16 to 0.3 lies above it, and a score of exactly 0.3 must not count as seen.
    """
    rounded = scores.astype(dtype)
    crossed = (scores <= _SCORE_THRESHOLD) & (rounded.astype(np.float32) > _SCORE_THRESHOLD)
    rounded[crossed] = np.nextafter(rounded[crossed], dtype.type(0))
    return rounded

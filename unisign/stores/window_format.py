"""The bytes of one clip in a store of packed hand windows.

    header (40 bytes, little-endian)
        4s  magic b'UHW1'         the last byte is the version of the layout
        I   crc32 of the rest of header and table
        II  windows of the left hand, of the right hand
        II  frame width and height of the video, in pixels
        dd  scale and score threshold they were made for
    table    one row a window, left hand first, each by frame: frame (int32), x and y of its upper left pixel in the
             video's frame (int32), bytes of the image (uint32), crc32 of these bytes (uint32), their place behind the
             table (uint64)
    images   PNG, lossless WebP, JPEG or raw, one behind the other; no bytes for a window without pixels
        raw: magic b'RAW' and a 0, then width and height as uint32, and the pixels, RGB, row by row
Header and table are read for a clip, and of the images only those that are asked for.
"""

import io
import struct
import zlib
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from unisign.structures import ClipError

_HEADER = struct.Struct('<4sIIIIIdd')
_MAGIC = b'UHW1'
_CRC_END = 8
_ROW = np.dtype(
    [('frame', '<i4'), ('x', '<i4'), ('y', '<i4'), ('length', '<u4'), ('crc', '<u4'), ('offset', '<u8')]
)  # fmt: skip
SIDES = ('left', 'right')
_PICTURES = ('webp', 'png', 'jpeg')
CODINGS = (*_PICTURES, 'raw')
_RAW = struct.Struct('<4sII')
_RAW_MAGIC = b'RAW\0'
_JPEG_QUALITY = 95
_JPEG, _WEBP = b'\xff\xd8\xff', (b'RIFF', b'WEBP')  # how they begin
_PACK_AGAIN = 'Make it again with tools/data/extract_hand_crops.py.'


@dataclass(frozen=True)
class Window:
    """A piece of one video frame around a hand.

    Attributes:
        frame: the poses' frame id.
        x, y: where its upper left pixel lies in the video's frame.
        image: uint8 RGB [h, w, 3]; h or w is 0 where the hand is outside the frame.
    """

    frame: int
    x: int
    y: int
    image: np.ndarray


@dataclass(frozen=True)
class ClipWindows:
    """All windows of a clip.

    Attributes:
        frame_size: width and height of the video's frames.
        scale: largest side of boxes over the largest extent of a hand that can be cut from them.
        score_threshold: mean score from which on a hand counted as seen.
        windows: hand -> windows, by frame.
    """

    frame_size: tuple[int, int]
    scale: float
    score_threshold: float
    windows: dict[str, list[Window]]

    def __len__(self) -> int:
        return sum(map(len, self.windows.values()))


def encode_windows(clip: ClipWindows, coding: str = 'webp') -> bytes:
    """Return the clip's windows as bytes.

    Args:
        clip: the windows.
        coding: ``png`` and ``webp`` keep every pixel; ``jpeg`` (quality 95) is smaller and changes them a little;
            ``raw`` are the pixels themselves, largest and read fastest.
    """
    windows = [window for side in SIDES for window in clip.windows[side]]
    images = [_encode_image(window.image, coding) for window in windows]
    table = np.zeros(len(windows), dtype=_ROW)
    for name in ('frame', 'x', 'y'):
        table[name] = [getattr(window, name) for window in windows]
    table['length'] = [len(image) for image in images]
    table['crc'] = [zlib.crc32(image) for image in images]
    table['offset'] = np.cumsum(table['length'], dtype=np.uint64) - table['length']
    counts = (len(clip.windows[side]) for side in SIDES)
    header = _HEADER.pack(_MAGIC, 0, *counts, *clip.frame_size, clip.scale, clip.score_threshold)
    head = header[_CRC_END:] + table.tobytes()
    return b''.join([_MAGIC, struct.pack('<I', zlib.crc32(head)), head, *images])


class EncodedWindows:
    """The windows of a clip as bytes, each decoded when it is asked for.

    Args:
        value: what ``encode_windows`` gave.
        source: what to name in errors.

    Attributes:
        frame_size: width and height of the video's frames.
        scale: see ``ClipWindows``.
        score_threshold: see ``ClipWindows``.

    Raises:
        ClipError: if ``value`` is damaged or was written by another version.
    """

    def __init__(self, value: bytes | memoryview, source: object) -> None:
        self._view, self._source = memoryview(value), source
        if len(self._view) < _HEADER.size or bytes(self._view[:4]) != _MAGIC:
            raise ClipError(source, 'these are no packed hand windows of a known version.', _PACK_AGAIN)
        _, crc, left, right, width, height, self.scale, self.score_threshold = _HEADER.unpack_from(self._view)
        self._images = _HEADER.size + (left + right) * _ROW.itemsize
        if zlib.crc32(self._view[_CRC_END : self._images]) != crc:
            raise self._damaged('their checksum differs')
        self.frame_size = (width, height)
        table = np.frombuffer(self._view, _ROW, left + right, _HEADER.size)
        self._tables = {'left': table[:left], 'right': table[left:]}

    def read(self, side: str, frames: np.ndarray) -> list[Window]:
        """Return the windows of a hand in these frames (ids of the poses, in any order).

        Raises:
            ClipError: if a frame has no window, or its image is damaged.
        """
        table, frames = self._tables[side], np.asarray(frames)
        absent = ~np.isin(frames, table['frame'])
        if absent.any():
            raise ClipError(
                self._source,
                f'the {side} hand has no packed window for frame {frames[absent][0]}; they were packed for a score '
                f'threshold of {self.score_threshold:g}.',
                'The poses changed since, or the threshold is lower now: pack the hand windows again.',
            )
        rows = np.searchsorted(table['frame'], frames)
        return [self._window(row) for row in table[rows]]

    def _window(self, row: np.void) -> Window:
        start = self._images + int(row['offset'])
        data = self._view[start : start + int(row['length'])]
        if len(data) != row['length'] or zlib.crc32(data) != row['crc']:
            raise self._damaged(f'the image of frame {row["frame"]} has another checksum')
        try:
            image = _decode_image(data) if len(data) else np.zeros((0, 0, 3), dtype=np.uint8)
        except (OSError, ValueError, struct.error) as error:
            raise self._damaged(f'the image of frame {row["frame"]} is none of {", ".join(CODINGS)}') from error
        return Window(int(row['frame']), int(row['x']), int(row['y']), image)

    def _damaged(self, how: str) -> ClipError:
        return ClipError(self._source, f'the packed hand windows are damaged: {how}.', 'Copy the store again.')


def _decode_image(data: memoryview) -> np.ndarray:
    """Return uint8 RGB [h, w, 3]; only the four codings are read, whatever the bytes are.

    Raises:
        OSError, ValueError, struct.error: if they are none of them.
    """
    if bytes(data[:4]) == _RAW_MAGIC:
        _, width, height = _RAW.unpack_from(data)
        # A copy: the store's bytes are gone when it has been read.
        return np.frombuffer(data, np.uint8, offset=_RAW.size).reshape(height, width, 3).copy()
    # OpenCV gives the same pixels in a third of the time. It would read other formats too, and PNG not everywhere.
    if bytes(data[:3]) == _JPEG or (bytes(data[:4]), bytes(data[8:12])) == _WEBP:
        flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
        if image is not None:
            return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    with Image.open(io.BytesIO(data), formats=_PICTURES) as picture:  # else Pillow tries all that it knows
        return np.asarray(picture.convert('RGB'))


def _encode_image(image: np.ndarray, coding: str) -> bytes:
    if not image.size:
        return b''
    if coding == 'raw':
        height, width, _ = image.shape
        return _RAW.pack(_RAW_MAGIC, width, height) + image.tobytes()
    options = {
        'png': {'compress_level': 6},
        'webp': {'lossless': True, 'quality': 60, 'method': 2},
        'jpeg': {'quality': _JPEG_QUALITY, 'subsampling': 0},
    }[coding]
    file = io.BytesIO()
    Image.fromarray(image).save(file, coding, **options)
    return file.getvalue()

"""Videos that lie in the file and are to be shown upright: phones turn the picture by a note, not by its pixels."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np

from unisign.datasets.video_readers.open_video import open_video
from unisign.structures import ClipError


@dataclass(frozen=True)
class Orientation:
    """How stored frames become the frames that are shown: first transposed, then mirrored.

    Attributes:
        transposed: rows become columns, and width becomes height.
        rows_flipped: the upper row becomes the lowest.
        columns_flipped: the left column becomes the rightmost.
    """

    transposed: bool = False
    rows_flipped: bool = False
    columns_flipped: bool = False

    def shown(self, image: np.ndarray) -> np.ndarray:
        """Return a stored frame [H, W, 3] as it is shown, [H, W, 3] or [W, H, 3]."""
        if self == UPRIGHT:
            return image
        image = image.swapaxes(0, 1) if self.transposed else image
        rows, columns = (
            slice(None, None, -1 if flipped else 1) for flipped in (self.rows_flipped, self.columns_flipped)
        )
        return np.ascontiguousarray(image[rows, columns])

    def shown_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Return width and height as they are shown of those that are stored."""
        return size[::-1] if self.transposed else size


UPRIGHT = Orientation()


def orientation_of(matrix: np.ndarray) -> Orientation:
    """Return what a display matrix asks for; turns between the quarters of a circle are taken as the nearest quarter.

    Args:
        matrix: int32 [9], FFmpeg's ``AV_PKT_DATA_DISPLAYMATRIX``, by rows: a stored place (x right, y down) is shown at
            (x m0 + y m3, x m1 + y m4), from whichever corner that makes it start.
    """
    m0, m1, m3, m4 = (int(matrix[i]) for i in (0, 1, 3, 4))
    if abs(m1) + abs(m3) > abs(m0) + abs(m4):
        return Orientation(True, m1 < 0, m3 < 0)
    return Orientation(False, m4 < 0, m0 < 0)


def frame_orientation(frame: 'av.VideoFrame') -> Orientation:
    """Return how a decoded frame is to be shown."""
    try:
        notes: Any = frame.side_data
        return orientation_of(np.frombuffer(notes['DISPLAYMATRIX'], dtype=np.int32))
    except KeyError:
        return UPRIGHT
    except ValueError:  # the frame carries something that PyAV has no name for yet; mirroring is lost then
        turned = {90: Orientation(True, True, False), -90: Orientation(True, False, True)}
        half = Orientation(False, True, True)
        return turned.get(frame.rotation, half if abs(frame.rotation) == 180 else UPRIGHT)


def packet_orientation(packet: 'av.Packet') -> Orientation:
    """Return how the video of a packet with a keyframe is to be shown; it is upright where that cannot be decoded.

    The packet is decoded, since what the container notes arrives with the frames. Its decoder must be fresh, and is
    used up.
    """
    try:
        frames = packet.decode() or packet.stream.codec_context.decode(None)
    except (av.FFmpegError, ValueError):
        return UPRIGHT
    return frame_orientation(frames[0]) if frames else UPRIGHT


def stored_orientation(path: str | Path) -> Orientation:
    """Return how a video is to be shown; it is upright where it cannot be read.

    Raises:
        ClipError: if the file is no video but a list of others.
    """
    try:
        with open_video(path) as container:
            stream = container.streams.video[0]
            stream.codec_context.thread_count = 1
            first = next((packet for packet in container.demux(stream) if packet.is_keyframe), None)
            return UPRIGHT if first is None else packet_orientation(first)
    except (av.FFmpegError, OSError, IndexError, ValueError) as error:
        if isinstance(error, ClipError):
            raise
        return UPRIGHT

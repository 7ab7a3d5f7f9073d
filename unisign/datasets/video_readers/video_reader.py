"""What every video reader offers."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from unisign.structures import ClipError


@dataclass(frozen=True)
class VideoInfo:
    """What is known of a video without looking at its pictures.

    Attributes:
        num_frames: how many frames it really holds, whatever its header says.
        frame_rate: frames per second, the mean where they come unevenly; None if unknown.
        size: width and height in pixels, as the video is shown: turned, if the file says so.
        announced_frames: what the header says; None if it says nothing.
        times: float64 [num_frames], when each frame is shown, in seconds from the first one, where they come unevenly
            (variable frame rate); None: evenly, or unknown.
    """

    num_frames: int
    frame_rate: float | None
    size: tuple[int, int]
    announced_frames: int | None = None
    times: np.ndarray | None = field(default=None, compare=False, repr=False)


class VideoReader(ABC):
    """Reads single frames: frame i is the i-th that decoding from the start gives, in the order of display.

    Nothing stays open between two calls, so a reader may be sent to data workers by fork and by spawn.
    """

    @abstractmethod
    def info(self, path: str | Path) -> VideoInfo:
        """Return what is known of the video.

        Raises:
            ClipError: if it is missing or cannot be read.
        """

    @abstractmethod
    def frames(self, path: str | Path, indices: np.ndarray) -> Iterator[np.ndarray]:
        """Yield the asked frames one after the other, uint8 RGB [H, W, 3].

        Args:
            path: the video.
            indices: int [n], sorted, each once, 0 <= index < num_frames.

        Raises:
            ClipError: if the video is missing, damaged, or has no such frame.
        """

    def read(self, path: str | Path, indices: np.ndarray) -> np.ndarray:
        """Return the frames ``indices`` (int [n], in any order, also repeated) as uint8 RGB [n, H, W, 3].

        Raises:
            ClipError: if the video is missing, damaged, or has no such frame.
        """
        wanted, places = np.unique(np.asarray(indices, dtype=np.int64), return_inverse=True)
        if not len(wanted):
            width, height = self.info(path).size
            return np.zeros((0, height, width, 3), dtype=np.uint8)
        return np.stack(list(self.frames(path, wanted)))[places]


def check_indices(path: str | Path, indices: np.ndarray, info: VideoInfo) -> np.ndarray:
    """Return ``indices`` as int64 [n] if the video has all of them.

    Raises:
        ClipError: if it has not.
        ValueError: if they are not sorted, or one comes twice.
    """
    indices = np.asarray(indices, dtype=np.int64)
    if (np.diff(indices) <= 0).any():
        raise ValueError(f'frame indices should be sorted, each once, got {indices.tolist()}')
    if len(indices) and not 0 <= indices[0] <= indices[-1] < info.num_frames:
        wrong = indices[0] if indices[0] < 0 else indices[-1]
        raise ClipError(path, f'frame {wrong} was asked for, and the video has {held(info)}.', SHORT_ADVICE)
    return indices


def held(info: VideoInfo) -> str:
    """Return how many frames the video holds, in words; also what its header promised if that is more."""
    promised = info.announced_frames
    more = f' (its header announces {promised}: it is cut off)' if promised and promised > info.num_frames else ''
    return f'{info.num_frames} frames{more}'


SHORT_ADVICE = 'Copy the video again, or extract its keypoints again if it is the right one.'


def missing(path: str | Path) -> ClipError:
    """Return the error for a video that is not there."""
    return ClipError(path, 'there is no such video.', 'Check "video" in the annotation, and data_root.')


def stopped_early(path: str | Path, index: int, reason: object = '') -> ClipError:
    """Return the error for a video that cannot be decoded up to the frame ``index``."""
    detail = f' ({reason})' if str(reason) else ''
    return ClipError(path, f'decoding did not reach frame {index}{detail}.', 'The video is damaged: copy it again.')

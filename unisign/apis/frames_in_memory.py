"""Frames that are in memory already, in the place of a video."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unisign.datasets.video_readers import VideoInfo, VideoReader
from unisign.datasets.video_readers.video_reader import check_indices
from unisign.structures import ClipError


@dataclass(frozen=True, eq=False)
class FramesInMemory:
    """A video as an array.

    Attributes:
        images: uint8 RGB [T, H, W, 3].
        frame_rate: frames per second.
        name: what errors call it.
    """

    images: np.ndarray
    frame_rate: float
    name: str

    def __post_init__(self) -> None:
        shape = self.images.shape
        if self.images.dtype != np.uint8 or len(shape) != 4 or shape[3] != 3 or 0 in shape[1:3]:
            raise ClipError(
                self.name,
                f'expected frames as uint8 RGB [T, H, W, 3], got {self.images.dtype} {list(shape)}.',
                'Stack the frames of one clip (np.stack), colours in the order RGB, values 0 to 255.',
            )

    def __str__(self) -> str:
        return self.name


class FilesAndFrames(VideoReader):
    """Reads ``FramesInMemory`` itself, and leaves files to another reader.

    Args:
        files: the reader for everything that is a path.
    """

    def __init__(self, files: VideoReader) -> None:
        self.files = files

    def info(self, path: str | Path | FramesInMemory) -> VideoInfo:
        """Return what is known of the video, see ``VideoReader.info``."""
        if not isinstance(path, FramesInMemory):
            return self.files.info(path)
        count, height, width = path.images.shape[:3]
        return VideoInfo(count, path.frame_rate, (width, height))

    def frames(self, path: str | Path | FramesInMemory, indices: np.ndarray) -> Iterator[np.ndarray]:
        """Yield the asked frames, see ``VideoReader.frames``."""
        if not isinstance(path, FramesInMemory):
            yield from self.files.frames(path, indices)
            return
        for index in check_indices(str(path), indices, self.info(path)).tolist():
            yield path.images[index]

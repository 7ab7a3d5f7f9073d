"""The reader for whatever an annotation names."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from unisign.datasets.video_readers.image_folder_reader import ImageFolderReader
from unisign.datasets.video_readers.pyav_reader import PyAVReader
from unisign.datasets.video_readers.video_reader import VideoInfo, VideoReader
from unisign.registry import VIDEO_READERS


@VIDEO_READERS.register_module()
class VideoFiles(VideoReader):
    """The default: folders are read as images (``ImageFolderReader``), everything else by ``PyAVReader``.

    Args:
        folder_frame_rate: frames per second of the folders; None: unknown.
    """

    def __init__(self, folder_frame_rate: float | None = None) -> None:
        self._files, self._folders = PyAVReader(), ImageFolderReader(folder_frame_rate)

    def info(self, path: str | Path) -> VideoInfo:
        """Return what is known of the video, see ``VideoReader.info``."""
        return self._reader(path).info(path)

    def frames(self, path: str | Path, indices: np.ndarray) -> Iterator[np.ndarray]:
        """Yield the asked frames, see ``VideoReader.frames``."""
        return self._reader(path).frames(path, indices)

    def _reader(self, path: str | Path) -> VideoReader:
        return self._folders if Path(path).is_dir() else self._files

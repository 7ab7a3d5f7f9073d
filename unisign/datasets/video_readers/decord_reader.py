"""Frames by decord, read in order."""

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from unisign.datasets.video_readers.orientation import UPRIGHT, stored_orientation
from unisign.datasets.video_readers.video_reader import VideoInfo, VideoReader, check_indices, missing, stopped_early
from unisign.registry import VIDEO_READERS
from unisign.structures import ClipError


@VIDEO_READERS.register_module()
class DecordReader(VideoReader):
    """Decodes from the start of the file and skips what is not asked for.

    decord's own random access (``get_batch``) is not used: in files with open groups of pictures it returns frames up
    to three late. Its last release is 0.6.0, and it has wheels for x86-64 only (extra ``video``). A video whose picture
    is to be turned or mirrored is refused: decord garbles what it turns, and mirrors nothing.

    Args:
        threads: of the decoder; 1 is best where several data workers read.
    """

    def __init__(self, threads: int = 1) -> None:
        self.threads = threads

    def info(self, path: str | Path) -> VideoInfo:
        """Return what is known of the video.

        Raises:
            ClipError: if it is missing or cannot be read, or decord is not installed.
        """
        video = self._opened(path)
        height, width = video.next().shape[:2]
        return _info(video, (width, height))

    def frames(self, path: str | Path, indices: np.ndarray) -> Iterator[np.ndarray]:
        """Yield the asked frames, see ``VideoReader.frames``."""
        decord = _decord()
        video = self._opened(path)
        indices = check_indices(path, indices, _info(video, (0, 0)))
        place = -1
        for index in indices.tolist():
            try:
                while place < index:  # skip_frames and seek are no substitute: they lose their way too
                    image = video.next().asnumpy()
                    place += 1
            except (decord.DECORDError, StopIteration) as error:
                raise stopped_early(path, index, error) from error
            yield image

    def _opened(self, path: str | Path) -> Any:
        if not Path(path).is_file():
            raise missing(path)
        decord = _decord()
        if stored_orientation(path) != UPRIGHT:
            raise ClipError(
                path,
                'its picture is to be turned or mirrored when it is shown, which decord does wrongly.',
                'Use PyAVReader, the default.',
            )
        try:
            return decord.VideoReader(str(path), num_threads=self.threads)
        except (decord.DECORDError, RuntimeError) as error:
            raise ClipError(
                path,
                f'cannot be read as a video ({str(error).splitlines()[0]}).',
                'It is no video, cut off or damaged: copy it again.',
            ) from error


def _decord() -> ModuleType:
    """Return the module; imported on first use, since it is optional and loads its own FFmpeg."""
    try:
        import decord
    except ImportError as error:
        raise ImportError(
            'DecordReader needs decord: pip install decord==0.6.0, or use PyAVReader, the default.'
        ) from error
    return decord


def _info(video: Any, size: tuple[int, int]) -> VideoInfo:
    return VideoInfo(len(video), float(video.get_avg_fps()) or None, size)

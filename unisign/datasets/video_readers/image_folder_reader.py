"""Frames from a folder that holds one image a frame."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from unisign.datasets.video_readers.video_reader import VideoInfo, VideoReader, check_indices, missing
from unisign.registry import VIDEO_READERS
from unisign.structures import ClipError

SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.webp')
_NUMBER = re.compile(r'(\d+)\D*$')


@VIDEO_READERS.register_module()
class ImageFolderReader(VideoReader):
    """Takes the images of a folder as frames, in the order of the number at the end of their names.

    The first image is frame 0, whatever its number; a gap in the numbers is an error, since every later frame would be
    another one.

    Args:
        frame_rate: frames per second of all these folders; None: unknown.
    """

    def __init__(self, frame_rate: float | None = None) -> None:
        self.frame_rate = frame_rate

    def info(self, path: str | Path) -> VideoInfo:
        """Return what is known of the folder.

        Raises:
            ClipError: if it is missing, holds no images, or their numbers have a gap.
        """
        files = _images(path)
        return self._info(files)

    def frames(self, path: str | Path, indices: np.ndarray) -> Iterator[np.ndarray]:
        """Yield the asked frames, see ``VideoReader.frames``."""
        files = _images(path)
        info = self._info(files)
        for index in check_indices(path, indices, info).tolist():
            image = _read(files[index])
            if image.shape[1::-1] != info.size:
                raise ClipError(
                    files[index], f'is {image.shape[1::-1]} pixels, the first image {info.size}.', 'Extract it again.'
                )
            yield image

    def _info(self, files: list[Path]) -> VideoInfo:
        try:
            with Image.open(files[0]) as image:
                return VideoInfo(len(files), self.frame_rate, image.size)
        except (OSError, UnidentifiedImageError) as error:
            raise _unreadable(files[0], error) from error


def _images(folder: str | Path) -> list[Path]:
    if not Path(folder).is_dir():
        raise missing(folder)
    numbers: dict[int, Path] = {}
    for path in Path(folder).iterdir():
        number = _NUMBER.search(path.stem)
        if path.suffix.lower() not in SUFFIXES:
            continue
        if number is None or int(number[1]) in numbers:
            raise ClipError(path, 'the image has no number of its own at the end of its name.', 'Number the frames.')
        numbers[int(number[1])] = path
    if not numbers:
        raise ClipError(folder, f'holds no images ({", ".join(SUFFIXES)}).', 'Extract the frames into it.')
    first, last = min(numbers), max(numbers)
    if last - first + 1 != len(numbers):
        gap = next(number for number in range(first, last) if number not in numbers)
        raise ClipError(
            folder,
            f'{last - first + 1 - len(numbers)} images are missing between {numbers[first].name} and '
            f'{numbers[last].name} (first: number {gap}).',
            'Extract the frames again, with every frame in the folder.',
        )
    return [numbers[number] for number in sorted(numbers)]


def _read(path: Path) -> np.ndarray:
    try:
        with Image.open(path) as image:
            return np.array(image.convert('RGB'))
    except (OSError, UnidentifiedImageError, ValueError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> ClipError:
    return ClipError(path, f'cannot be read as an image ({error}).', 'Extract it again.')

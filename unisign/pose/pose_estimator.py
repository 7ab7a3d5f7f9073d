"""What every keypoint estimator offers: frames in, ``Poses`` out."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np

from unisign.structures import ClipError, Poses


class PoseEstimator(ABC):
    """Estimates the keypoints of one signer.

    Frames are taken a few at a time, so that a long video need never be in memory as a whole.

    Args:
        chunk: frames in memory at a time.

    Raises:
        ValueError: if ``chunk`` is below 1.
    """

    def __init__(self, chunk: int = 64) -> None:
        if chunk < 1:
            raise ValueError(f'chunk should be 1 or more frames, got {chunk}')
        self.chunk = chunk

    def __call__(
        self, frames: Iterable[np.ndarray], frame_rate: float | None = None, source: object = 'the frames'
    ) -> Poses:
        """Return the keypoints of the signer in every frame.

        Args:
            frames: uint8 RGB [H, W, 3], all of one size.
            frame_rate: frames per second, None if unknown; it is passed on.
            source: the video, to name in errors.

        Returns:
            Keypoints as fractions of the frame, scores 0..1. A frame without a person has scores 0 at (0, 0).

        Raises:
            ClipError: if there are no frames, or one is no uint8 RGB image of the size of the first.
        """
        checked = _CheckedFrames(source)
        estimated = list(self._estimate_checked(_chunks(iter(frames), self.chunk), checked))
        if checked.size is None:
            raise ClipError(source, 'there are no frames.', 'Check the video.')
        keypoints, scores = (np.concatenate(arrays) for arrays in zip(*estimated, strict=True))
        return Poses(keypoints, scores, checked.size, frame_rate).validate(source)

    def stream(
        self, chunks: Iterable[list[np.ndarray]], source: object = 'the frames'
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the keypoints of a video while it is still going on: for each chunk of frames as soon as it is there.

        Chunks of ``self.chunk`` frames give what a call on all frames gives.

        Args:
            chunks: lists of one or more frames, uint8 RGB [H, W, 3], all of one size.
            source: the video, to name in errors.

        Yields:
            keypoints float32 [n, 133, 2] as fractions of the frame, and scores float32 [n, 133], for n frames.

        Raises:
            ClipError: if a frame is no uint8 RGB image of the size of the first.
        """
        return self._estimate_checked(chunks, _CheckedFrames(source))

    def _estimate_checked(
        self, chunks: Iterable[list[np.ndarray]], checked: '_CheckedFrames'
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for keypoints, scores in self._estimate([checked(frame) for frame in chunk] for chunk in chunks):
            yield np.asarray(keypoints, dtype=np.float32), np.asarray(scores, dtype=np.float32)

    @abstractmethod
    def _estimate(self, chunks: Iterator[list[np.ndarray]]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield keypoints [n, 133, 2] as fractions of the frame and scores [n, 133] for each chunk of n frames.

        One call is one clip: whatever is remembered from frame to frame starts anew.
        """

    @abstractmethod
    def describe(self) -> dict[str, object]:
        """Return what made the keypoints: ``estimator``, ``weights`` (name -> sha256), ``versions``, ``settings``."""


class _CheckedFrames:
    """Lets frames pass, and raises ``ClipError`` at one that is none."""

    def __init__(self, source: object) -> None:
        self._source, self._number = source, 0
        self.size: tuple[int, int] | None = None

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        number, self._number = self._number, self._number + 1
        if not isinstance(frame, np.ndarray) or frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
            got = f'{frame.dtype} {list(frame.shape)}' if isinstance(frame, np.ndarray) else type(frame).__name__
            raise ClipError(self._source, f'frame {number} should be uint8 RGB [H, W, 3], got {got}.', '')
        height, width = frame.shape[:2]
        if min(height, width) == 0 or (self.size or (width, height)) != (width, height):
            raise ClipError(
                self._source, f'frame {number} is {width}x{height}, the first {self.size}.', 'Use one frame size.'
            )
        self.size = width, height
        return frame


def _chunks(frames: Iterator[np.ndarray], size: int) -> Iterator[list[np.ndarray]]:
    while chunk := list(islice(frames, size)):
        yield chunk

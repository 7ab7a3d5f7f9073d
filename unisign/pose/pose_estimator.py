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
        checked = _CheckedFrames(frames, source)
        keypoints, scores = [], []
        for chunk_keypoints, chunk_scores in self._estimate(_chunks(iter(checked), self.chunk)):
            keypoints.append(np.asarray(chunk_keypoints, dtype=np.float32))
            scores.append(np.asarray(chunk_scores, dtype=np.float32))
        if checked.size is None:
            raise ClipError(source, 'there are no frames.', 'Check the video.')
        poses = Poses(np.concatenate(keypoints), np.concatenate(scores), checked.size, frame_rate)
        return poses.validate(source)

    @abstractmethod
    def _estimate(self, chunks: Iterator[list[np.ndarray]]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield keypoints [n, 133, 2] as fractions of the frame and scores [n, 133] for each chunk of n frames.

        One call is one clip: whatever is remembered from frame to frame starts anew.
        """

    @abstractmethod
    def describe(self) -> dict[str, object]:
        """Return what made the keypoints: ``estimator``, ``weights`` (name -> sha256), ``versions``, ``settings``."""


class _CheckedFrames:
    """Passes frames on, and raises ``ClipError`` at one that is none."""

    def __init__(self, frames: Iterable[np.ndarray], source: object) -> None:
        self._frames, self._source = frames, source
        self.size: tuple[int, int] | None = None

    def __iter__(self) -> Iterator[np.ndarray]:
        for number, frame in enumerate(self._frames):
            if not isinstance(frame, np.ndarray) or frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
                got = f'{frame.dtype} {list(frame.shape)}' if isinstance(frame, np.ndarray) else type(frame).__name__
                raise ClipError(self._source, f'frame {number} should be uint8 RGB [H, W, 3], got {got}.', '')
            height, width = frame.shape[:2]
            if min(height, width) == 0 or (self.size or (width, height)) != (width, height):
                raise ClipError(
                    self._source, f'frame {number} is {width}x{height}, the first {self.size}.', 'Use one frame size.'
                )
            self.size = width, height
            yield frame


def _chunks(frames: Iterator[np.ndarray], size: int) -> Iterator[list[np.ndarray]]:
    while chunk := list(islice(frames, size)):
        yield chunk

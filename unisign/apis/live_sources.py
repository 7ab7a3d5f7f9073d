"""Where live frames come from: a camera, a file that is being written, a recording."""

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np

from unisign.apis.clip_inputs import ClipInput
from unisign.apis.clip_pipeline import ClipPipeline
from unisign.apis.frame_buffer import LiveFrame
from unisign.apis.inferencer import SignInferencer
from unisign.apis.long_video import VideoFrames, single_clip
from unisign.datasets.video_readers import open_stream
from unisign.datasets.video_readers.open_video import no_stream
from unisign.datasets.video_readers.orientation import frame_orientation
from unisign.structures import ClipError, DataError

_USUAL_RATE = 25.0
_POLL = 0.02  # seconds between two looks at a file that does not grow


class LiveSource(ABC):
    """Gives frames as they come.

    Attributes:
        name: what errors and clips call it.
        frame_rate: frames per second of the timeline.
        frame_size: width and height in pixels; None if unknown.
        live: whether time goes on while frames are worked on, so that those that are late may be dropped.
        clip: the recorded video that frames are numbers of; None if there is none.
        estimates: whether keypoints are still to be estimated.
    """

    name: str
    frame_rate: float
    frame_size: tuple[int, int] | None
    live = True
    clip: ClipInput | None = None
    estimates = True

    @abstractmethod
    def frames(self, ended: threading.Event) -> Iterator[LiveFrame]:
        """Yield frames until there are no more, or ``ended`` is set.

        Raises:
            ClipError: if the video is damaged.
        """

    def close(self) -> None:  # noqa: B027 - a recording holds nothing open
        """Let go of camera or file."""


class Camera(LiveSource):
    """A camera of this computer.

    A frame's number comes from the clock, so a camera that is slower than it says (in the dark, for instance) leaves
    gaps on the timeline and does not make signing look faster.

    Args:
        index: which one; 0 is the first.
        frame_rate: frames per second to ask for; None takes the camera's own.

    Raises:
        ClipError: if there is no such camera, or it shows nothing.
    """

    def __init__(self, index: int = 0, frame_rate: float | None = None) -> None:
        import cv2

        self.name = f'camera-{index}'
        self._capture = cv2.VideoCapture(index)
        if frame_rate is not None:
            self._capture.set(cv2.CAP_PROP_FPS, frame_rate)
        good, image = self._capture.read()
        if not good:
            self.close()
            raise ClipError(
                f'camera {index}',
                'there is no such camera, or another program has it.',
                'Connect one, close the other program, or give another number.',
            )
        self.frame_size = image.shape[1], image.shape[0]
        told = self._capture.get(cv2.CAP_PROP_FPS)
        self.frame_rate = frame_rate or (told if 1 <= told <= 240 else _USUAL_RATE)

    def frames(self, ended: threading.Event) -> Iterator[LiveFrame]:
        """Yield frames until ``ended`` is set or the camera is gone."""
        started, last = 0.0, -1
        while not ended.is_set():
            good, image = self._capture.read()
            if not good:
                return
            now = time.monotonic()
            started = now if last < 0 else started
            place = round((now - started) * self.frame_rate)
            if place < last:  # faster than the timeline
                continue
            last = max(place, last + 1)  # frames that come unevenly do not push each other out
            yield LiveFrame(last, now, image=np.ascontiguousarray(image[..., ::-1]), droppable=True)

    def close(self) -> None:
        """Give the camera back."""
        self._capture.release()


class GrowingFile(LiveSource):
    """A video file that another program is writing: mkv, ts or fragmented mp4.

    What the file holds at the beginning is worked on without dropping frames.

    Args:
        path: the file; it may come into being a little later.
        timeout: seconds without growth after which it has ended.

    Raises:
        ClipError: if it does not come, or its beginning cannot be shown (see ``open_stream``).
    """

    def __init__(self, path: str | Path, timeout: float = 5.0) -> None:
        self.name = Path(path).stem
        self._path = path
        self._file = _Tail(Path(path), timeout)
        try:
            self._container = open_stream(self._file, path)
        except BaseException:
            self._file.close()
            raise
        if not self._container.streams.video:
            self.close()
            raise no_stream(path, 'no pictures')
        self._stream = self._container.streams.video[0]
        self._stream.codec_context.thread_count = 1  # several hold frames back
        self.frame_rate = float(self._stream.average_rate or self._stream.guessed_rate or _USUAL_RATE)
        self.frame_size = None
        self._frames = self._container.decode(self._stream)
        try:
            self._first = next(self._frames)
        except (StopIteration, av.FFmpegError) as error:
            self.close()
            raise no_stream(path, 'no pictures') from error
        self._orientation = frame_orientation(self._first)
        self.frame_size = self._orientation.shown_size((self._first.width, self._first.height))

    def frames(self, ended: threading.Event) -> Iterator[LiveFrame]:
        """Yield frames until the file does not grow any more, or ``ended`` is set."""
        self._file.ended = ended
        start = self._first.time
        try:
            for count, frame in enumerate(_chain(self._first, self._frames)):
                if ended.is_set():
                    return
                even = frame.time is None or start is None
                number = count if even else round((frame.time - start) * self.frame_rate)
                image = self._orientation.shown(frame.to_ndarray(format='rgb24'))
                yield LiveFrame(number, time.monotonic(), image=image, droppable=self._file.new)
        except av.FFmpegError as error:
            if not ended.is_set():
                raise ClipError(self._path, f'is damaged ({error.strerror}).', 'Record it again.') from error

    def close(self) -> None:
        """Close the file."""
        if not self._file.closed:
            self._container.close()
            self._file.close()


class Recording(LiveSource):
    """A video, or the keypoints of one, that is there as a whole.

    Args:
        frames: the video, see ``VideoFrames``.
        paced: whether frames come at the speed at which they were recorded (then they may be dropped too); if not, they
            come as fast as they are taken.
    """

    def __init__(self, frames: VideoFrames, paced: bool = False) -> None:
        self.name, self.clip = frames.clip.clip_id, frames.clip
        self.frame_rate, self.frame_size = frames.frame_rate, frames.frame_size
        self.live, self.estimates = paced, frames.poses is None
        self._frames = frames

    def frames(self, ended: threading.Event) -> Iterator[LiveFrame]:
        """Yield its frames until there are no more, or ``ended`` is set."""
        started = time.monotonic()
        for frame in self._given():
            due = started + frame.number / self.frame_rate
            if self.live:
                ended.wait(max(0.0, due - time.monotonic()))
            if ended.is_set():
                return
            # Being read late is part of being late.
            frame.captured, frame.droppable = due if self.live else time.monotonic(), self.live
            yield frame

    def _given(self) -> Iterator[LiveFrame]:
        if not self.estimates:
            for number, keypoints, scores, place in self._frames:
                yield LiveFrame(number, 0.0, place, pose=(keypoints, scores))
            return
        for (number, place), image in zip(self._frames.places(), self._frames.images(), strict=True):
            yield LiveFrame(number, 0.0, place, image)


def open_source(
    inferencer: SignInferencer,
    source: str,
    growing: bool = False,
    timeout: float = 5.0,
    paced: bool = False,
    frame_rate: float | None = None,
) -> LiveSource:
    """Return the source that a text names.

    Args:
        inferencer: knows where the keypoints of a recording are.
        source: number of a camera, or path of a video or pose file.
        growing: whether the video is still being written.
        timeout: of a growing file.
        paced: of a recording.
        frame_rate: of a camera.

    Raises:
        ClipError: if it cannot be used.
        DataError: if it is none of these, or keypoints from a file are to go with a camera or a growing file.
    """
    if not source.isdigit() and not growing:
        clip = single_clip(source, inferencer.pose_files, frame_rate or _USUAL_RATE)
        if clip.url is not None:
            raise ClipError(source, 'addresses are not read live.', 'Download it first, or use demo/subtitle.py.')
        pipeline = ClipPipeline(inferencer.model, inferencer.task, inferencer.lang, False, 'LiveTranslator')
        return Recording(VideoFrames(inferencer, clip, pipeline.align, frame_rate or _USUAL_RATE), paced)
    if inferencer.pose_files is not None:
        raise DataError(inferencer.pose_files, 'keypoints of a live source are in no file.', 'Use --pose mediapipe.')
    inferencer.estimator()  # whether it can be made is known before the camera starts
    return Camera(int(source), frame_rate) if source.isdigit() else GrowingFile(source, timeout)


class _Tail:
    """The bytes of a file that grows; ``read`` waits for them."""

    def __init__(self, path: Path, timeout: float) -> None:
        self.ended, self._timeout = threading.Event(), timeout
        deadline = time.monotonic() + timeout
        while not path.is_file():
            if path.exists() or time.monotonic() > deadline:
                raise ClipError(path, f'no such file came into being within {timeout:g} s.', 'Check the path.')
            time.sleep(_POLL)
        self._file = path.open('rb')
        self._old = path.stat().st_size

    @property
    def new(self) -> bool:
        """Whether all is read that was there at the beginning."""
        return self._file.tell() > self._old

    @property
    def closed(self) -> bool:
        return self._file.closed

    def read(self, size: int) -> bytes:
        """Return up to ``size`` bytes; b'' once nothing came for long, or ``ended`` is set."""
        deadline = time.monotonic() + self._timeout
        while not (data := self._file.read(size)):
            if time.monotonic() > deadline or self.ended.wait(_POLL):
                return b''
        return data

    def close(self) -> None:
        self._file.close()


def _chain(first: Any, others: Iterator[Any]) -> Iterator[Any]:
    yield first
    yield from others

"""``LiveTranslator``: text while the signing goes on, from a camera, a file that is being written, or a recording."""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from unisign.apis.clip_inputs import ClipInput
from unisign.apis.clip_pipeline import ClipPipeline
from unisign.apis.frame_buffer import FrameBuffer, LiveFrame
from unisign.apis.frames_in_memory import FramesInMemory
from unisign.apis.inferencer import SignInferencer
from unisign.apis.live_report import LiveReport
from unisign.apis.live_sources import LiveSource
from unisign.apis.long_video import SegmentTranslation, WindowTexts, piece_clip
from unisign.apis.segment_stream import Piece, SegmentStream
from unisign.pose import PoseEstimator
from unisign.segmentation import SegmentRule
from unisign.structures import DataError

_WAITING_PIECES = 8
_PATIENCE = 10.0  # seconds that a thread gets to end


@dataclass(frozen=True)
class LiveText:
    """A text, as soon as it is there.

    Attributes:
        final: whether the segment has ended; if not, a later text replaces this one.
        answer: segment as far as it goes, text, times.
        late: seconds since the last frame of it was captured.
    """

    final: bool
    answer: SegmentTranslation
    late: float


@dataclass(frozen=True)
class _Task:
    final: bool
    piece: Piece
    number: int


class LiveTranslator:
    """Translates while frames come in.

    Three threads work one behind the other: one takes frames from the source, one finds keypoints and segments, one
    asks the model. If they cannot keep up with a live source, the frames that have waited longest are dropped
    (``buffer`` seconds of them may wait); their keypoints are taken to lie between those of the neighbours. Segments
    that have ended always get their text, partial ones only when the model has nothing else to do. Of a recording that
    comes as fast as it is taken nothing is dropped, and every partial text is made.

    Segments and final texts are those of ``LongVideoTranslator``: both push the same frames into the same
    ``SegmentStream``. (Estimators that look for people every few frames see a recording in the same chunks, and a
    camera's frames one by one.)

    Args:
        inferencer: answers the clips; its settings (keypoints, task, language) count.
        rule: what counts as signing, and how long windows are.
        partial_every: seconds of signing from one text of a segment that is going on to the next; 0: none.
        buffer: seconds of frames that may wait.
    """

    def __init__(
        self,
        inferencer: SignInferencer,
        rule: SegmentRule | None = None,
        partial_every: float = 1.0,
        buffer: float = 0.5,
    ) -> None:
        self.inferencer, self.rule = inferencer, rule or SegmentRule()
        self.partial_every, self.buffer = partial_every, buffer
        self.report = LiveReport()
        self._ended = threading.Event()

    def stop(self) -> None:
        """Take no more frames; what is on its way is still answered, and the running segment ends here."""
        self._ended.set()

    def stream(self, source: LiveSource, *, task: str | None = None, lang: str | None = None) -> Iterator[LiveText]:
        """Yield texts as they come, until the source ends or ``stop`` is called; then ``report`` is complete.

        Args:
            source: camera, growing file or recording; it is closed at the end.
            task: ``islr``, ``cslr`` or ``slt``; None takes the inferencer's.
            lang: language code of the text; None takes the inferencer's.

        Raises:
            ClipError: if the source is damaged.
            DataError: if task or language are missing, or the estimator cannot be made, or not work frame by frame.
        """
        own = self.inferencer
        pipeline = ClipPipeline(own.model, task or own.task, lang or own.lang, False, 'LiveTranslator', True)
        estimator = own.estimator() if source.estimates else None
        if estimator is not None and not isinstance(estimator, PoseEstimator):
            raise DataError('pose', 'a function takes a whole video.', 'Give mediapipe, mmpose or a PoseEstimator.')
        self.report, self._ended = LiveReport(), threading.Event()
        return self._run(_Session(self, source, pipeline, estimator))

    def _run(self, session: '_Session') -> Iterator[LiveText]:
        session.start()
        try:
            yield from session.texts()
        finally:
            session.end()


class _Session:
    """One run: threads, queues and counts."""

    def __init__(
        self, owner: LiveTranslator, source: LiveSource, pipeline: ClipPipeline, estimator: PoseEstimator | None
    ) -> None:
        self.owner, self.source, self.pipeline, self.estimator = owner, source, pipeline, estimator
        self.report, self.ended = owner.report, owner._ended
        # Of recordings the estimator gets the same chunks as offline. Else it takes one at a time: so those that are
        # dropped lie evenly between the others.
        self.chunk = 1 if source.live or estimator is None else estimator.chunk
        self.buffer = FrameBuffer(max(round(owner.buffer * source.frame_rate), self.chunk))
        self.tasks: queue.Queue[_Task | None] = queue.Queue(_WAITING_PIECES)
        self.results: queue.Queue[LiveText | None] = queue.Queue()
        self.problems: list[BaseException] = []
        self.given_up = threading.Event()
        self.busy = threading.Event()
        self.texts_of_windows, self.answered = WindowTexts(), -1
        self.keep_images = pipeline.wants_video and source.clip is None
        self.started = 0.0
        # Each thread, when it ends in whatever way, tells the next one that nothing more comes.
        works: tuple[tuple[Callable, Callable], ...] = (
            (self._capture, self.buffer.close),
            (self._find, lambda: self._give(None)),
            (self._translate, lambda: self.results.put(None)),
        )
        self.threads = [threading.Thread(target=self._guarded, args=work, daemon=True) for work in works]

    def start(self) -> None:
        self.started = time.monotonic()
        for thread in self.threads:
            thread.start()

    def texts(self) -> Iterator[LiveText]:
        """Yield the texts; what went wrong is raised behind the last one."""
        while (result := self.results.get()) is not None:
            yield result
        if self.problems:
            raise self.problems[0]

    def end(self) -> None:
        """Let the threads end, whatever they are doing."""
        self.ended.set()
        self.given_up.set()
        self.buffer.close()
        for thread in self.threads:
            thread.join(_PATIENCE)
        self.source.close()
        self.report.seconds = time.monotonic() - self.started
        self.report.frames, self.report.dropped = self.buffer.given, self.buffer.dropped

    def _guarded(self, work: Callable[[], None], tell: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            self.problems.append(error)
        finally:
            tell()

    def _capture(self) -> None:
        """Take frames."""
        for frame in self.source.frames(self.ended):
            if not self.buffer.put(frame):
                return

    def _find(self) -> None:
        """Find keypoints and segments."""
        source, rule = self.source, self.owner.rule
        stream, number, told = SegmentStream(source.frame_rate, source.frame_size, rule), 0, 0
        every, shortest = (round(s * source.frame_rate) for s in (self.owner.partial_every, rule.shortest))
        for frame, keypoints, scores in self._frames_with_poses():
            if not self.keep_images:
                frame.image = None
            for piece in stream.push(frame.number, keypoints, scores, frame):
                self._give(_Task(True, piece, number))
                number, told = number + 1, piece.segment.end
            running = stream.running
            if running is None or not every or len(running) < shortest:  # it may still turn out to be nothing
                continue
            if running.end - max(told, running.start) < every:
                continue
            if not source.live or (self.tasks.empty() and not self.busy.is_set()):
                told, so_far = running.end, stream.running_piece()
                if so_far is not None:
                    self._give(_Task(False, so_far, number))
        for piece in stream.finish():
            self._give(_Task(True, piece, number))

    def _frames_with_poses(self) -> Iterator[tuple[LiveFrame, np.ndarray, np.ndarray]]:
        if self.estimator is None:
            for chunk in self.buffer.chunks(1, full=False):
                assert chunk[0].pose is not None
                yield chunk[0], *chunk[0].pose
            return
        waiting: list[LiveFrame] = []

        def images() -> Iterator[list[np.ndarray]]:
            for chunk in self.buffer.chunks(self.chunk, full=not self.source.live):
                waiting.extend(chunk)
                yield [frame.image for frame in chunk if frame.image is not None]

        for keypoints, scores in self.estimator.stream(images(), self.source.name):
            for row in range(len(keypoints)):
                yield waiting.pop(0), keypoints[row], scores[row]

    def _give(self, task: _Task | None) -> None:
        while not self.given_up.is_set():
            try:
                self.tasks.put(task, timeout=0.1)
                return
            except queue.Full:
                pass

    def _translate(self) -> None:
        """Ask the model."""
        while not self.given_up.is_set():
            try:
                task = self.tasks.get(timeout=0.1)
            except queue.Empty:
                continue
            if task is None:
                return
            self.busy.set()
            self.results.put(self._answer(task))
            self.busy.clear()

    def _answer(self, task: _Task) -> LiveText:
        (translation,) = self.owner.inferencer.answer([self._clip(task)], self.pipeline)
        segment, now = task.piece.segment, time.monotonic()
        frames: list[LiveFrame] = task.piece.notes
        report = self.report
        # Frames that were dropped have the note of the one before.
        for number in range(max(segment.start, self.answered + 1), segment.end):
            frame = frames[number - segment.start]
            if frame.number == number:
                report.first_text.append(now - frame.captured)
        self.answered = max(self.answered, segment.end - 1)
        late = now - frames[-1].captured
        if task.final:
            report.segments += 1
            report.final_text.append(late)
            answer = self.texts_of_windows.add(segment, translation)
        else:
            report.partial_texts += 1
            answer = self.texts_of_windows.look(segment, translation)
        return LiveText(task.final, answer, late)

    def _clip(self, task: _Task) -> ClipInput:
        piece = task.piece
        if self.source.clip is not None:
            places = Piece(piece.segment, piece.poses, [frame.place for frame in piece.notes])
            return piece_clip(self.source.clip, places, task.number)
        clip_id = f'{self.source.name}-{task.number:04d}'
        video = None
        if self.keep_images:
            video = FramesInMemory(np.stack([frame.image for frame in piece.notes]), piece.segment.frame_rate, clip_id)
        return ClipInput(clip_id, clip_id, video=video, poses=piece.poses)

"""``LongVideoTranslator``: a video of any length in, its segments with times and text out."""

import tempfile
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import count, islice
from typing import Any

import numpy as np
from tqdm import tqdm

from unisign.apis.clip_inputs import ClipInput, list_clips
from unisign.apis.clip_pipeline import ClipPipeline
from unisign.apis.inferencer import FRAME_RATE, SignInferencer
from unisign.apis.segment_stream import Piece, SegmentStream, even_numbers, numbered
from unisign.apis.translation import Translation
from unisign.apis.video_download import download_video
from unisign.apis.window_texts import without_repeated
from unisign.datasets.frame_mapping import video_frames
from unisign.datasets.video_readers import VideoInfo
from unisign.pose import PoseEstimator
from unisign.segmentation import Segment, SegmentRule
from unisign.structures import DataError, Poses

# One frame on its way: number on the timeline, keypoints, scores, frame of the video.
Frame = tuple[int, np.ndarray, np.ndarray, int]


@dataclass(frozen=True)
class SegmentTranslation:
    """What was signed in one segment.

    Attributes:
        segment: where it is.
        translation: the model's answer to it; it may have failed (``translation.failure``).
        start: seconds from which on its text is new: where the segment begins, or the middle of what it shares with the
            window before it.
        end: seconds at which it has ended.
        text: the answer, without what the window before it says already; '' if nothing is left.
    """

    segment: Segment
    translation: Translation
    start: float
    end: float
    text: str

    def to_line(self) -> dict[str, Any]:
        """Return a JSON line: ``start``, ``end``, ``text``, ``window`` (seconds), and the answer's own entries."""
        window = [round(self.segment.start_seconds, 3), round(self.segment.end_seconds, 3)]
        line = {'start': round(self.start, 3), 'end': round(self.end, 3), 'text': self.text, 'window': window}
        return line | self.translation.to_line()


class WindowTexts:
    """Gives answers their times and texts, in the order of the segments."""

    def __init__(self) -> None:
        self._before = ''

    def add(self, segment: Segment, translation: Translation) -> SegmentTranslation:
        """Return the segment with its answer, without what the window before it says already."""
        answer = self.look(segment, translation)
        self._before = translation.text
        return answer

    def look(self, segment: Segment, translation: Translation) -> SegmentTranslation:
        """Return the same for a segment that may go on."""
        text = without_repeated(self._before, translation.text) if segment.overlap else translation.text
        start = segment.start_seconds + segment.overlap / 2 / segment.frame_rate
        return SegmentTranslation(segment, translation, start, segment.end_seconds, text)


class LongVideoTranslator:
    """Finds signing in a video, cuts it into clips, and says what is signed in each.

    Frames are read, and keypoints estimated, one after the other; only those of the running segment are kept, so a
    video may be hours long. Keypoints that are given as a pose file are read as a whole.

    Args:
        inferencer: answers the clips; its settings (keypoints, task, language, batches) count.
        rule: what counts as signing, and how long windows are.
    """

    def __init__(self, inferencer: SignInferencer, rule: SegmentRule | None = None) -> None:
        self.inferencer, self.rule = inferencer, rule or SegmentRule()

    def __call__(self, video: Any, poses: Any = None, **options: Any) -> list[SegmentTranslation]:
        """Return all segments; arguments and errors as for ``stream``."""
        return list(self.stream(video, poses, **options))

    def stream(
        self,
        video: Any,
        poses: Any = None,
        *,
        task: str | None = None,
        lang: str | None = None,
        frame_rate: float = FRAME_RATE,
        progress: bool = False,
    ) -> Iterator[SegmentTranslation]:
        """Yield the segments in order, batch by batch.

        Args:
            video: path, http(s) address, uint8 RGB frames [T, H, W, 3], ``Poses`` or a pose file.
            poses: keypoints of the video: ``Poses`` or a pose file; None takes the inferencer's, or estimates them.
            task: ``islr``, ``cslr`` or ``slt``; None takes the inferencer's.
            lang: language code of the text; None takes the inferencer's.
            frame_rate: frames per second of arrays, and of poses or videos that do not say.
            progress: show a bar on stderr.

        Yields:
            Nothing for a video in which nobody signs.

        Raises:
            ClipError: if the video or its keypoints cannot be read.
            DataError: if it is no single video, task or language are missing, or the estimator cannot be made.
        """
        own = self.inferencer
        pipeline = ClipPipeline(own.model, task or own.task, lang or own.lang, False, 'LongVideoTranslator', True)
        clip = single_clip(video, own.pose_files if poses is None else poses, frame_rate)
        return self._run(clip, pipeline, frame_rate, progress)

    def _run(
        self, clip: ClipInput, pipeline: ClipPipeline, frame_rate: float, progress: bool
    ) -> Iterator[SegmentTranslation]:
        with tempfile.TemporaryDirectory(prefix='unisign_') as folder:
            if clip.url is not None:
                clip.video = str(download_video(clip.url, folder, self.inferencer.download))
            frames = VideoFrames(self.inferencer, clip, pipeline.align, frame_rate)
            pieces = self._pieces(frames, progress)
            texts, numbers = WindowTexts(), count()
            with closing(pieces):
                while batch := list(islice(pieces, self.inferencer.batch_size)):
                    clips = [piece_clip(clip, piece, next(numbers)) for piece in batch]
                    for piece, answer in zip(batch, self.inferencer.answer(clips, pipeline), strict=True):
                        yield texts.add(piece.segment, answer)

    def _pieces(self, frames: 'VideoFrames', progress: bool) -> Generator[Piece, None, None]:
        stream = SegmentStream(frames.frame_rate, frames.frame_size, self.rule)
        found = 0
        with tqdm(total=len(frames), unit=' frames', desc=frames.clip.clip_id, disable=not progress) as bar:
            for frame in frames:
                for piece in stream.push(*frame):
                    found += 1
                    bar.set_postfix_str(f'{found} segments', refresh=False)
                    yield piece
                bar.update()
            yield from stream.finish()


class VideoFrames:
    """The frames of a video with their keypoints, one after the other.

    Args:
        inferencer: reads, and estimates.
        clip: the video, its poses, or both.
        align: how frames of poses are found in the video, ``time`` or ``count``.
        frame_rate: frames per second where nothing says.

    Raises:
        ClipError: if the video or its keypoints cannot be read, or do not belong together.
        DataError: if keypoints must be estimated and the estimator cannot be made.
    """

    def __init__(self, inferencer: SignInferencer, clip: ClipInput, align: str, frame_rate: float) -> None:
        self.inferencer, self.clip = inferencer, clip
        self.info = inferencer.look_at(clip)
        self.poses: Poses | None = None
        if clip.poses is not None:
            known = clip.poses
            self.poses = known.validate(clip.source) if isinstance(known, Poses) else inferencer.read_poses(str(known))
        self._estimator = inferencer.estimator() if self.poses is None else None
        if self.poses is not None:
            self._count, self._numbers = len(self.poses), np.arange(len(self.poses))
            self.frame_size, rate = self.poses.frame_size, self.poses.frame_rate
            self._places = self._numbers
            if self.info is not None:
                self._places = video_frames(self.poses, self.info, clip.source, self._stored(), align)
                if np.array_equal(self._places, self._numbers):  # one entry a frame: the video knows their times
                    rate, self._numbers = self.info.frame_rate, _numbers(self.info)[: self._count]
        else:
            assert self.info is not None  # a clip has a video or poses
            self._count, self._numbers = self.info.num_frames, _numbers(self.info)
            self.frame_size, rate = self.info.size, self.info.frame_rate
            self._places = np.arange(self._count)
        self.frame_rate = rate or frame_rate

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Frame]:
        for (number, place), (keypoints, scores) in zip(self.places(), self._estimated(), strict=True):
            yield number, keypoints, scores, place

    def places(self) -> Iterator[tuple[int, int]]:
        """Yield for each frame its number on the timeline, and that in the video."""
        return zip(self._numbers.tolist(), self._places.tolist(), strict=True)

    def images(self) -> Iterator[np.ndarray]:
        """Yield the pictures of the video, uint8 RGB [H, W, 3]."""
        assert self.info is not None and self.clip.video is not None
        return self.inferencer.reader.frames(self.clip.video, np.arange(self.info.num_frames))  # type: ignore[arg-type]

    def _estimated(self) -> Iterable[tuple[np.ndarray, np.ndarray]]:
        if self.poses is not None:
            return zip(self.poses.keypoints, self.poses.scores, strict=True)
        if isinstance(self._estimator, PoseEstimator):
            return self._streamed(self._estimator)
        poses = self._estimator(self.images(), frame_rate=self.frame_rate)  # type: ignore[misc]
        return zip(poses.keypoints, poses.scores, strict=True)

    def _streamed(self, estimator: PoseEstimator) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        images = self.images()
        chunks = iter(lambda: list(islice(images, estimator.chunk)), [])
        for keypoints, scores in estimator.stream(chunks, self.clip.source):
            yield from zip(keypoints, scores, strict=True)

    def _stored(self) -> int | None:
        assert self.poses is not None
        return len(self.poses) if self.poses.frame_ids is None else None


def single_clip(video: Any, poses: Any, frame_rate: float) -> ClipInput:
    """Return the one video that ``video`` stands for.

    Raises:
        ClipError: if it cannot be used.
        DataError: if it is a list or a folder of several.
    """
    clips, single = list_clips(video, poses, frame_rate)
    if not single:
        raise DataError('video', f'got {len(clips)} of them, expected a single one.', 'Give them one by one.')
    if clips[0].problem is not None:
        raise clips[0].problem
    return clips[0]


def piece_clip(clip: ClipInput, piece: Piece, number: int) -> ClipInput:
    """Return a piece of a video as a clip of its own; its notes are numbers of the video's frames."""
    segment = piece.segment
    return ClipInput(
        clip_id=f'{clip.clip_id}-{number:04d}',
        source=f'{clip.source} ({segment.start_seconds:.2f} to {segment.end_seconds:.2f} s)',
        video=clip.video,
        poses=numbered(piece.poses, np.array(piece.notes)),
    )


def _numbers(info: VideoInfo) -> np.ndarray:
    """Return the place of each frame on an even timeline."""
    if info.times is None or not info.frame_rate:
        return np.arange(info.num_frames)
    return even_numbers(info.times, info.frame_rate)

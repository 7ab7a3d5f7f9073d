"""Where the files of a corpus' clips lie."""

from dataclasses import dataclass

from unisign.datasets.annotations import Annotation
from unisign.datasets.conversion.corpus import CorpusClip
from unisign.structures import DataError


@dataclass(frozen=True)
class FilePlaces:
    """Where poses and videos lie, relative to the data root (or to the annotations).

    Attributes:
        poses: path with ``{name}`` for the clip's name; None if there are no poses.
        videos: the same for the video.
        uncut: ``{name}`` is the whole recording, and each clip gets its ``start`` and ``end``.
        frame_rate: frames per second of the recordings, where the corpus gives seconds.
        colon: what stands for each colon of a name in file names.
    """

    poses: str | None = 'poses/{name}.pkl'
    videos: str | None = 'videos/{name}.mp4'
    uncut: bool = False
    frame_rate: float | None = None
    colon: str = ':'

    def __post_init__(self) -> None:
        patterns = [pattern for pattern in (self.poses, self.videos) if pattern]
        if not patterns or any('{name}' not in pattern for pattern in patterns):
            raise ValueError(f'poses and videos should hold {{name}}, and one of them be given; got {patterns}')
        if self.frame_rate is not None and not 0 < self.frame_rate < 1000:
            raise ValueError(f'the frame rate should be more than 0, got {self.frame_rate}')

    def annotate(self, clip: CorpusClip, lang: str) -> Annotation:
        """Return the annotation of a clip.

        Raises:
            DataError: if ``uncut`` is asked for and the corpus does not say where the clip lies in its recording.
        """
        name = clip.recording if self.uncut else clip.name
        video_name = name if self.uncut or clip.video_name is None else clip.video_name
        start, end = self._span(clip) if self.uncut else (None, None)
        return Annotation(
            id=clip.id,
            video=self._path(self.videos, video_name),
            poses=self._path(self.poses, name),
            text=clip.text,
            gloss=clip.gloss,
            lang=lang,
            signer=clip.signer,
            start=start,
            end=end,
        )

    def _path(self, pattern: str | None, name: str) -> str | None:
        return pattern.replace('{name}', name.replace(':', self.colon)) if pattern else None

    def _span(self, clip: CorpusClip) -> tuple[int, int | None]:
        if clip.frames is not None:
            return clip.frames
        if clip.seconds is None:
            raise DataError(clip.id, 'the corpus does not say where this clip lies in its recording.', 'Use cut clips.')
        if self.frame_rate is None:
            raise DataError(clip.id, 'its start and end are in seconds.', 'Give the frame rate of the recordings.')
        start, end = (round(time * self.frame_rate) for time in clip.seconds)
        return start, max(end, start + 1)

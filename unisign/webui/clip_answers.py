"""What the page says about a clip: the inferencer's answer, and pictures of what the model read."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from unisign.apis import SignInferencer
from unisign.apis.clip_pipeline import ClipPipeline
from unisign.models.language_models.languages import LANGUAGE_NAMES
from unisign.stores import PoseFiles
from unisign.structures import DataError, Poses
from unisign.webui.evidence import collect_evidence
from unisign.webui.file_check import check_clip
from unisign.webui.jobs import Job
from unisign.webui.limits import PageLimits
from unisign.webui.run_apart import run_apart

BOTH = ('en', 'zh')  # offered where the config names no language


@dataclass(frozen=True)
class OfferedModel:
    """A model that visitors may choose.

    Attributes:
        name: what the page calls it.
        inferencer: answers with it.
        task: ``islr``, ``cslr`` or ``slt``.
        languages: codes of the languages that it may be asked for, the first one by default.
    """

    name: str
    inferencer: SignInferencer
    task: str
    languages: tuple[str, ...]

    def describe(self) -> dict[str, Any]:
        """Return what the page needs to know, as JSON's types."""
        languages = [{'code': code, 'name': LANGUAGE_NAMES.get(code, code)} for code in self.languages]
        return {'name': self.name, 'task': self.task, 'languages': languages}


def offer(name: str, inferencer: SignInferencer, languages: Sequence[str] = ()) -> OfferedModel:
    """Return a model with the languages that visitors may choose.

    Args:
        name: what the page calls it.
        inferencer: its keypoints come from a ``Keypoints`` of the page.
        languages: codes; none: the config's, or English and Chinese where it names none.

    Raises:
        DataError: for an unknown language, or a config without test pipeline.
    """
    for code in languages:
        if code not in LANGUAGE_NAMES:
            raise DataError('--lang', f'{code!r} is no language code that the models know.', 'Codes are like en or zh.')
    own = inferencer.model.cfg.get('test_dataloader', {}).get('dataset', {}).get('lang')
    chosen = tuple(languages) or ((own,) if own else BOTH)
    return OfferedModel(name, inferencer, ClipPipeline(inferencer.model, None, chosen[0]).task, chosen)


class Keypoints:
    """The estimator of all models of the page, made when it is first needed; it tells the job how far it is.

    Args:
        build: makes an estimator, called with frames and ``frame_rate``.
    """

    def __init__(self, build: Callable[[], Callable[..., Poses]]) -> None:
        self._build = build
        self._estimator: Callable[..., Poses] | None = None
        self.job: Job | None = None
        self.num_frames = 0
        self.found: Poses | None = None

    def __call__(self, frames: Iterable[np.ndarray], frame_rate: float = 25.0) -> Poses:
        """Return the poses of a clip.

        Raises:
            DataError: if the estimator cannot be made.
        """
        if self._estimator is None:
            try:
                self._estimator = self._build()
            except (ImportError, OSError, KeyError, ValueError) as error:
                raise DataError(
                    'Keypoints',
                    f'cannot be estimated on the computer that runs this page ({str(error).rstrip(".")}).',
                    'Add the pose file of this clip.',
                ) from error
        self.found = self._estimator(self._counted(frames), frame_rate=frame_rate)
        if self.job is not None:
            self.job.go_on('model')
        return self.found

    def _counted(self, frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        for number, frame in enumerate(frames):
            if self.job is not None:
                self.job.go_on('keypoints', number / max(self.num_frames, 1))
            yield frame


class ClipAnswers:
    """Answers jobs, one at a time.

    Args:
        models: that visitors may choose.
        keypoints: which the models' inferencers have as ``pose``.
        limits: of uploads.
    """

    def __init__(self, models: Sequence[OfferedModel], keypoints: Keypoints, limits: PageLimits) -> None:
        self.models = {model.name: model for model in models}
        self._keypoints, self._limits = keypoints, limits

    def __call__(self, job: Job) -> None:
        """Answer: first the text is put into the job, then what the model read, which takes longer to draw.

        Raises:
            DataError: if the clip cannot be used.
        """
        started = time.perf_counter()
        model, video = self.models[job.model], str(job.video)
        poses = self._checked(job, video)
        seconds = {'checking': time.perf_counter() - started}
        answer = self._translate(job, model, video, poses)
        seconds |= answer.seconds or {}
        job.answer = {
            'text': answer.text,
            'score': answer.score,
            'nbest': answer.nbest,
            'task': answer.task,
            'lang': answer.lang,
            'model': model.name,
            'num_frames': answer.num_frames,
            'note': job.in_their_words(answer.note),
            'seconds': {name: round(value, 3) for name, value in seconds.items()},
        }
        job.go_on('drawing')
        known = poses or self._keypoints.found
        if known is None:
            raise RuntimeError('the inferencer answered without asking for keypoints')
        job.evidence = collect_evidence(model.inferencer, job.lang, video, known, lambda s: job.go_on('drawing', s))

    def _checked(self, job: Job, video: str) -> Poses | None:
        """Return the poses that came with the clip, read from a file that the check has written."""
        limits, own = self._limits, None if job.poses is None else str(job.poses)
        checked = run_apart(
            check_clip, video, own, limits, source=video, seconds=limits.reading_seconds, memory=limits.reading_bytes
        )
        self._keypoints.num_frames = checked.num_frames
        if checked.poses is None:
            return None
        job.names[checked.poses] = job.names[str(job.poses)]
        return PoseFiles().read(checked.poses)

    def _translate(self, job: Job, model: OfferedModel, video: str, poses: Poses | None) -> Any:
        job.go_on('keypoints' if poses is None else 'model')
        self._keypoints.job, self._keypoints.found = job, None
        try:
            return model.inferencer(video, poses=poses, lang=job.lang, timings=True)
        finally:
            self._keypoints.job = None


def video_name(upload: str) -> Path:
    """Return a file name that is safe to use for an upload, of the same stem and suffix as far as that goes."""
    plain = Path(upload.replace('\\', '/')).name
    safe = ''.join(letter if letter.isalnum() or letter in '-_' else '_' for letter in Path(plain).stem)
    suffix = ''.join(letter for letter in Path(plain).suffix.lower() if letter.isascii() and letter.isalnum())
    return Path(f'{safe[:60] or "clip"}.{suffix[:8] or "video"}')

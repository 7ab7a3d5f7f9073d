"""``SignInferencer``: video, frames or keypoints in, text out."""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config

from unisign.apis.clip_inputs import ClipInput, is_pose_file, list_clips
from unisign.apis.clip_pipeline import ClipPipeline, PreparedClip
from unisign.apis.drawing import draw_translation
from unisign.apis.frames_in_memory import FilesAndFrames, FramesInMemory
from unisign.apis.trained_model import load_trained_model
from unisign.apis.translation import Translation
from unisign.apis.video_download import DownloadLimits, download_video
from unisign.datasets.collate import sign_collate
from unisign.datasets.transforms.formatting import make_data_sample
from unisign.datasets.video_readers import VideoFiles, VideoInfo
from unisign.stores import PoseFiles
from unisign.structures import ClipError, DataError, Poses, SignDataSample

Estimator = Callable[..., Poses]  # (frames: iterable of uint8 RGB [H, W, 3], frame_rate: float) -> Poses
FEWEST_FRAMES = 2
FRAME_RATE = 25.0  # of a video that does not say
WITHOUT_VIDEO = 'no video was given: answered from the keypoints alone, without pictures of the hands'


class SignInferencer:
    """Says what is signed in videos, arrays of frames, or clips of keypoints.

    Clips go through the test pipeline of the model's own config, so a clip is answered as ``tools/test.py`` answers it.
    Keypoints are estimated only where none are given, and the estimator is built when it is first needed. Models with
    pictures of the hands decode only the frames they look at, if the keypoints are there.

    Args:
        model: path of a config, its name (``stage3_toy-slt_pose``), a ``Config``, or a model from ``init_model``.
        checkpoint: file or folder of a run; None looks in ``work_dirs/NAME``.
        pose: where keypoints come from: ``mmpose``, ``mediapipe``, an estimator's config, or any callable
            ``(frames, frame_rate=25.0) -> Poses`` (frames: iterable of uint8 RGB [H, W, 3]). Or where they are: a pose
            file for a single video, a folder or packed store with a clip of each video's name.
        device: where model and estimator run; None takes the GPU if there is one.
        task: ``islr``, ``cslr`` or ``slt``; None takes the config's.
        lang: language code of the text, such as ``en``; None takes the config's.
        batch_size: clips that go through the model together.
        download: limits for addresses.

    Raises:
        DataError: if config, checkpoint, task or language are missing or wrong.
    """

    def __init__(
        self,
        model: str | Path | Config | torch.nn.Module,
        checkpoint: str | Path | None = None,
        pose: str | Path | dict | Estimator = 'mmpose',
        device: str | torch.device | None = None,
        task: str | None = None,
        lang: str | None = None,
        batch_size: int = 8,
        download: DownloadLimits | None = None,
    ) -> None:
        self.model = load_trained_model(model, checkpoint, device)
        self.device, self.task, self.lang, self.batch_size = device, task, lang, batch_size
        self.download = download or DownloadLimits()
        self.pose_files = str(pose) if isinstance(pose, str | Path) and is_pose_file(str(pose)) else None
        self._pose: Any = pose
        self._estimator: Estimator | None = pose if callable(pose) else None
        self.reader, self._stores = FilesAndFrames(VideoFiles()), PoseFiles()

    def __call__(
        self,
        inputs: Any,
        poses: Any = None,
        *,
        task: str | None = None,
        lang: str | None = None,
        frame_rate: float = FRAME_RATE,
        timings: bool = False,
        render_to: str | Path | None = None,
        return_samples: bool = False,
    ) -> Any:
        """Translate.

        Args:
            inputs: path of a video, http(s) address, uint8 RGB frames [T, H, W, 3], ``Poses``, pose file, folder of
                videos (or of pose files, or of one clip's images), or a list of those.
            poses: keypoints of the videos, if they are known: ``Poses`` or a pose file; for several videos a list, or a
                folder or packed store with a clip of each video's name. None estimates them.
            task: as in the constructor, for this call.
            lang: likewise.
            frame_rate: frames per second of arrays.
            timings: measure where the time goes, ``Translation.seconds``.
            render_to: folder for a video of each clip with skeleton, crops of the hands and text.
            return_samples: return each answer as a ``SignDataSample``.

        Returns:
            A ``Translation``, or a list of them for a list or folder. There, a clip that cannot be used is reported
            (``failure``) and the others are answered.

        Raises:
            ClipError: if a single clip cannot be used.
            DataError: if the inputs are none of these, task or language are missing, or keypoints must be estimated
                and the estimator cannot be made.
        """
        answers, single = self._answers(inputs, poses, task, lang, frame_rate, timings, render_to)
        results: list[Any] = [answer.sample if return_samples else answer for answer in answers]
        return results[0] if single else results

    def stream(
        self,
        inputs: Any,
        poses: Any = None,
        *,
        task: str | None = None,
        lang: str | None = None,
        frame_rate: float = FRAME_RATE,
        timings: bool = False,
        render_to: str | Path | None = None,
    ) -> Iterator[Translation]:
        """Yield the answers one by one, as each batch is done; arguments and errors as for a call."""
        return self._answers(inputs, poses, task, lang, frame_rate, timings, render_to)[0]

    def _answers(
        self,
        inputs: Any,
        poses: Any,
        task: str | None,
        lang: str | None,
        frame_rate: float,
        timings: bool,
        render_to: str | Path | None,
    ) -> tuple[Iterator[Translation], bool]:
        pipeline = ClipPipeline(self.model, task or self.task, lang or self.lang, False, 'SignInferencer')
        clips, single = list_clips(inputs, self.pose_files if poses is None else poses, frame_rate)
        folder = None if render_to is None else Path(render_to)
        return self.answer(clips, pipeline, timings, folder, single), single

    def answer(
        self,
        clips: list[ClipInput],
        pipeline: ClipPipeline,
        timings: bool = False,
        render_to: Path | None = None,
        single: bool = False,
    ) -> Iterator[Translation]:
        """Yield the answers to clips that are known already, batch by batch; ``single``: a problem is raised."""
        for first in range(0, len(clips), self.batch_size):
            with tempfile.TemporaryDirectory(prefix='unisign_') as folder:
                jobs = [_Job(clip) for clip in clips[first : first + self.batch_size]]
                for job in jobs:
                    self._prepare(job, pipeline, Path(folder), single)
                self._predict([job for job in jobs if job.prepared is not None])
                for job in jobs:
                    answer = job.answer(pipeline)
                    if render_to is not None and job.prepared is not None:
                        with job.timed('drawing'):
                            draw_translation(answer, job.clip.video, job.prepared, self.reader, pipeline, render_to)
                    answer.seconds = job.seconds if timings else None
                    yield answer

    def _prepare(self, job: '_Job', pipeline: ClipPipeline, folder: Path, single: bool) -> None:
        clip, info = job.clip, None
        with job.reported(single):
            if clip.problem is not None:
                raise clip.problem
            if clip.url is not None:
                with job.timed('download'):
                    clip.video = str(download_video(clip.url, folder, self.download))
            info = self.look_at(clip)
        if job.failure:
            return
        # Not within: what hinders the estimator hinders it for every clip.
        estimator = self.estimator() if clip.poses is None else None
        with job.reported(single):
            if estimator is not None and info is not None and clip.video is not None:
                with job.timed('keypoints'):
                    clip.poses = self._estimate(estimator, clip.source, clip.video, info)
            with job.timed('pipeline'):
                poses = clip.poses if isinstance(clip.poses, Poses) else self.read_poses(str(clip.poses))
                prepared = pipeline.prepare(pipeline.describe(clip.clip_id, poses, clip.video, clip.source))
            _check_length(clip.source, len(prepared.poses))
            job.prepared = prepared

    def look_at(self, clip: ClipInput) -> VideoInfo | None:
        """Return what is known of the clip's video, whoever reads it later; None if it has none."""
        if clip.video is None:
            return None
        path = clip.video
        if isinstance(path, str) and not Path(path).exists():
            raise ClipError(clip.source, 'there is no such file or folder.', 'Check the path.')
        try:
            info = self.reader.info(path)
        except ClipError as error:
            raise ClipError(clip.source, error.problem, error.advice) from error
        _check_length(clip.source, info.num_frames)
        return info

    def read_poses(self, key: str) -> Poses:
        """Return what a pose file (``x.npz``, ``x.pkl``, ``STORE.lmdb#KEY``) holds.

        Raises:
            ClipError: if it cannot be read.
        """
        try:
            return self._stores.read(key)
        except ClipError:
            raise
        except DataError as error:  # a whole store that cannot be opened: other clips may lie elsewhere
            raise ClipError(error.source, error.problem, error.advice) from error

    def estimator(self) -> Estimator:
        """Return the estimator of keypoints, built at the first call.

        Raises:
            DataError: if it cannot be made.
        """
        if self._estimator is None:
            from unisign.pose import build_estimator

            try:
                self._estimator = build_estimator(self._pose, device=None if self.device is None else str(self.device))
            except (ImportError, OSError, KeyError, ValueError) as error:
                reason = str(error).rstrip('.')
                raise DataError(
                    f'pose={self._pose!r}',
                    f'the estimator of keypoints cannot be made ({reason}).',
                    'Install it (bash tools/install_pose.sh), or give keypoints: pose=POSE_FILE.',
                ) from error
        return self._estimator

    def _estimate(self, estimator: Estimator, source: str, video: str | FramesInMemory, info: VideoInfo) -> Poses:
        frames = self.reader.frames(video, np.arange(info.num_frames))
        try:
            poses = estimator(frames, frame_rate=info.frame_rate or FRAME_RATE)
        except ClipError as error:
            raise ClipError(source, error.problem, error.advice) from error
        if not (poses.scores > 0).any():
            raise ClipError(
                source,
                f'nobody was found in any of its {info.num_frames} frames.',
                'Show the signer from head to hips, well lit, or give keypoints.',
            )
        return poses

    def _predict(self, jobs: list['_Job']) -> None:
        if not jobs:
            return
        started = time.perf_counter()
        with torch.no_grad(), self._precision():
            samples = self.model.test_step(sign_collate([job.prepared.packed for job in jobs if job.prepared]))
        share = (time.perf_counter() - started) / len(jobs)
        for job, sample in zip(jobs, samples, strict=True):
            job.sample, job.seconds['model'] = sample, share

    def _precision(self) -> Any:
        """Return the precision of the config's tests, which is float32 where there is no GPU."""
        name = (self.model.cfg.get('test_cfg') or {}).get('amp_dtype')
        device = self.model.data_preprocessor.device.type
        return torch.autocast(device, dtype=getattr(torch, name)) if name and device == 'cuda' else nullcontext()


@dataclass
class _Job:
    """A clip on its way."""

    clip: ClipInput
    prepared: PreparedClip | None = None
    sample: SignDataSample | None = None
    failure: str = ''
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Add the seconds of a ``with`` block."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = time.perf_counter() - started

    @contextmanager
    def reported(self, single: bool) -> Iterator[None]:
        """Keep an error about the clip for the report, unless it is the only one."""
        try:
            yield
        except (ClipError, OSError) as error:
            if single:
                raise
            self.failure = str(error)

    def answer(self, pipeline: ClipPipeline) -> Translation:
        """Return what is said about the clip."""
        clip, sample = self.clip, self.sample
        if sample is None:
            sample = make_data_sample(pipeline.describe(clip.clip_id, None), num_frames=0)
            sample.set_metainfo({'failure': self.failure})
            sample.pred_text, sample.pred_score, sample.nbest = '', 0.0, []
        return Translation(
            clip_id=clip.clip_id,
            source=clip.source,
            text=sample.pred_text,
            score=float(sample.pred_score),
            nbest=[[text, float(score)] for text, score in sample.nbest],
            task=pipeline.task,
            lang=pipeline.lang,
            num_frames=sample.num_frames,
            failure=self.failure,
            note=self._note(pipeline),
            sample=sample,
        )

    def _note(self, pipeline: ClipPipeline) -> str:
        if self.prepared is None or not pipeline.wants_video:
            return ''
        if self.clip.video is None:
            return WITHOUT_VIDEO
        return str(self.sample.get('rgb_failure', '')) if self.sample is not None else ''


def _check_length(source: str, num_frames: int) -> None:
    if num_frames < FEWEST_FRAMES:
        raise ClipError(
            source, f'holds {num_frames} frame{"s" * (num_frames != 1)}; signing is movement.', 'Give the whole video.'
        )

"""Making the toy corpus on disk: clips in parallel, resumable, complete or not there at all."""

import json
import multiprocessing
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

from unisign.stores import PackedPoseWriter, write_npz, write_published_pickle
from unisign.structures import DataError, Poses
from unisign.toy.annotations import write_annotations
from unisign.toy.camera import FRAME_RATE, FRAME_SIZE
from unisign.toy.clips import detected_poses, film, sign_span, write_video
from unisign.toy.detector import DETECTORS
from unisign.toy.lexicon import GLOSSES
from unisign.toy.splits import SIZES, ClipPlan, plan_corpus

# Raise this number whenever the same seed gives other bytes.
CORPUS_VERSION = 2
VIDEO_CHOICES = ('all', 'test', 'none')
POSE_FORMATS = ('packed', 'pickle', 'npz')
_CLIPS_A_SHARD = 50


@dataclass(frozen=True)
class CorpusSettings:
    """What decides the bytes of poses and annotations (videos come on top).

    Attributes:
        seed: of everything random.
        size: ``full``, ``small`` or ``tiny``.
        pose_format: ``packed`` (one LMDB file), ``pickle`` (published layout) or ``npz``, one file a clip.
        detector: what finds the keypoints, of ``DETECTORS``.
        margin: annotations cut isolated clips to this many frames before and after the sign; None keeps them whole.
    """

    seed: int = 42
    size: str = 'full'
    pose_format: str = 'packed'
    detector: str = 'usual'
    margin: int | None = None

    def fingerprint(self) -> dict[str, object]:
        """Return what ``meta.json`` says of these settings."""
        return {
            'corpus_version': CORPUS_VERSION,
            'seed': self.seed,
            'size': self.size,
            'pose_format': self.pose_format,
            'frame_size': list(FRAME_SIZE),
            'frame_rate': FRAME_RATE,
            'detector': self.detector,
            'margin': self.margin,
        }


def make_toy_corpus(
    out: str | Path,
    seed: int = 42,
    size: str = 'full',
    videos: str = 'all',
    workers: int = 0,
    pose_format: str = 'packed',
    detector: str = 'usual',
    margin: int | None = None,
    progress: bool = False,
) -> Path:
    """Make the toy corpus in the folder ``out``, or what is missing of it, and return the folder.

    The corpus is made in ``<out>.part`` and renamed when complete; an interrupted call goes on where it stopped. A
    complete corpus of the same settings is kept; videos it lacks are added.

    Args:
        out: the folder.
        seed: of everything random; the same seed gives the same bytes of poses and annotations.
        size: ``full``, ``small`` or ``tiny``.
        videos: which splits get an mp4: ``all``, ``test`` or ``none``.
        workers: processes that make clips; 0 makes them in this one.
        pose_format: ``packed``, ``pickle`` or ``npz``.
        detector: ``usual``, or ``poor``: one that guesses the fingers in every clip wherever a hand is in front of the
            face or of the other hand; ``palms`` guesses them always. The videos are the same.
        margin: the annotations of isolated clips name as ``start`` and ``end`` this many frames before and after the
            sign, as dictionaries are cut; None: from rest to rest.
        progress: whether to show progress bars.

    Raises:
        DataError: if ``out`` holds something else, or a corpus of other settings.
        ValueError: for an unknown size, choice of videos, format or detector, or a negative margin.
    """
    for name, value, known in (
        ('size', size, tuple(SIZES)),
        ('videos', videos, VIDEO_CHOICES),
        ('pose_format', pose_format, POSE_FORMATS),
        ('detector', detector, tuple(DETECTORS)),
    ):
        if value not in known:
            raise ValueError(f'{name} should be one of {", ".join(known)}, got {value!r}')
    if margin is not None and margin < 0:
        raise ValueError(f'margin should be a number of frames, 0 or more, got {margin}')
    out, settings = Path(out), CorpusSettings(seed, size, pose_format, detector, margin)
    plans = plan_corpus(SIZES[size], seed)
    if _is_complete(out, settings):
        _make_videos(out, plans, videos, seed, workers, progress)
        return out
    part = out.with_name(f'{out.name}.part')
    _claim(part, settings)
    _make_poses(part, plans, settings, workers, progress)
    _make_videos(part, plans, videos, seed, workers, progress)
    write_annotations(part, plans, pose_format, spans=_sign_spans(plans, settings))
    _make_language_model(part, plans)
    shutil.rmtree(part / 'shards')
    _write_meta(part, settings, plans)
    if out.is_dir():  # _is_complete has made sure that it is empty
        out.rmdir()
    part.replace(out)
    return out


def _sign_spans(plans: list[ClipPlan], settings: CorpusSettings) -> dict[str, tuple[int, int]]:
    """Return first and last frame + 1 of the isolated clips that are to be cut, by name."""
    if settings.margin is None:
        return {}
    return {plan.clip_id: sign_span(plan, settings.seed, settings.margin) for plan in plans if plan.task == 'islr'}


def _is_complete(out: Path, settings: CorpusSettings) -> bool:
    """Return whether ``out`` holds this corpus already.

    Raises:
        DataError: if it holds something else.
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return False
    advice = 'Give another folder, or remove this one.'
    meta = out / 'meta.json'
    if not meta.is_file():
        raise DataError(out, 'exists and is no toy corpus (no meta.json).', advice)
    try:
        found = json.loads(meta.read_text(encoding='utf-8'))
    except ValueError as error:
        raise DataError(meta, f'cannot be read ({error}).', advice) from error
    wanted = settings.fingerprint()
    found = {'detector': 'usual'} | found  # corpora made before there was a choice
    other = {key: found.get(key) for key in wanted if found.get(key) != wanted[key]}
    if other:
        raise DataError(out, f'holds a toy corpus of other settings: {other}, wanted {wanted}.', advice)
    return True


def _claim(part: Path, settings: CorpusSettings) -> None:
    """Make the folder of the unfinished corpus; leftovers of other settings are removed."""
    claim = part / 'settings.json'
    text = json.dumps(settings.fingerprint(), indent=2)
    if part.exists() and not (claim.is_file() and claim.read_text(encoding='utf-8') == text):
        shutil.rmtree(part)
    part.mkdir(parents=True, exist_ok=True)
    claim.write_text(text, encoding='utf-8')


def _make_videos(folder: Path, plans: list[ClipPlan], videos: str, seed: int, workers: int, progress: bool) -> None:
    wanted = [plan for plan in plans if videos == 'all' or (videos == 'test' and plan.split == 'test')]
    target = folder / 'videos'
    missing = [plan for plan in wanted if not (target / f'{plan.clip_id}.mp4').is_file()]
    if not missing:
        return
    target.mkdir(exist_ok=True)
    for _ in _in_order(partial(_make_video, seed=seed, target=target), missing, workers, progress, 'videos'):
        pass


def _make_video(plan: ClipPlan, seed: int, target: Path) -> None:
    write_video(plan, film(plan, seed), target / f'{plan.clip_id}.mp4')


def _make_poses(part: Path, plans: list[ClipPlan], settings: CorpusSettings, workers: int, progress: bool) -> None:
    """Make all poses in shards, which survive an interruption, then put them into the asked format."""
    shards = part / 'shards'
    shards.mkdir(exist_ok=True)
    jobs = [
        (shards / f'{start:06d}.npz', plans[start : start + _CLIPS_A_SHARD])
        for start in range(0, len(plans), _CLIPS_A_SHARD)
    ]
    missing = [job for job in jobs if not job[0].is_file()]
    for _ in _in_order(partial(_make_shard, settings=settings), missing, workers, progress, 'poses, 50 clips each'):
        pass
    clips = ((plan, poses) for path, shard in jobs for plan, poses in zip(shard, _read_shard(path), strict=True))
    if settings.pose_format == 'packed':
        with PackedPoseWriter(part / 'poses.lmdb', dtype='float16') as writer:
            for plan, poses in clips:
                writer.write(plan.clip_id, poses)
        return
    folder = part / 'poses'
    folder.mkdir(exist_ok=True)
    for plan, poses in clips:
        if settings.pose_format == 'pickle':
            write_published_pickle(folder / f'{plan.clip_id}.pkl', poses)
        else:
            write_npz(folder / f'{plan.clip_id}.npz', poses)


def _make_shard(job: tuple[Path, list[ClipPlan]], settings: CorpusSettings) -> None:
    path, plans = job
    seed = settings.seed
    clips = [detected_poses(plan, film(plan, seed), seed, settings.detector) for plan in plans]
    part = path.with_suffix('.part.npz')
    np.savez(
        part,
        keypoints=np.concatenate([clip.keypoints for clip in clips]).astype(np.float16),
        scores=np.concatenate([clip.scores for clip in clips]).astype(np.float16),
        lengths=np.array([len(clip) for clip in clips]),
    )
    part.replace(path)


def _read_shard(path: Path) -> Iterator[Poses]:
    with np.load(path) as shard:
        keypoints, scores = shard['keypoints'].astype(np.float32), shard['scores'].astype(np.float32)
        ends = np.cumsum(shard['lengths'])
    for start, end in zip(ends - np.diff(ends, prepend=0), ends, strict=True):
        yield Poses(keypoints[start:end], scores[start:end], FRAME_SIZE, float(FRAME_RATE))


def _in_order(
    function: Callable[[object], object], items: list, workers: int, progress: bool, title: str
) -> Iterable[object]:
    """Yield ``function`` of each item, computed by ``workers`` processes, with a bar that shows the time left."""
    bar = partial(tqdm, total=len(items), desc=title, disable=not progress, mininterval=0.5)
    if workers <= 1 or len(items) < 2:
        yield from bar(map(function, items))
        return
    # fresh processes: a fork of one that has loaded torch may deadlock
    with multiprocessing.get_context('spawn').Pool(min(workers, len(items))) as pool:
        yield from bar(pool.imap(function, items, chunksize=1 if len(items) < 500 else 8))


def _make_language_model(part: Path, plans: list[ClipPlan]) -> None:
    """Write a small language model whose pieces come from the texts of train alone."""
    # torch and transformers take seconds to load; making the clips needs neither
    from unisign.models.language_models import make_language_model

    seen = [plan for plan in plans if plan.split in ('train', 'extra')]
    texts = [plan.text for plan in seen] + [' '.join(plan.glosses) for plan in seen]
    make_language_model([*texts, *GLOSSES], part / 'language_model', languages=('en', 'zh'))


def _write_meta(part: Path, settings: CorpusSettings, plans: list[ClipPlan]) -> None:
    """Write ``meta.json``, the last file: its presence says that the corpus is complete."""
    (part / 'settings.json').unlink()
    signers = {plan.signer.name: plan for plan in plans}
    meta = settings.fingerprint() | {
        'clips': {
            f'{task}_{split}': sum((plan.task, plan.split) == (task, split) for plan in plans)
            for task in ('islr', 'slt')
            for split in ('train', 'extra', 'dev', 'test')
        },
        'signers': {
            name: {
                'split': signers[name].split.replace('extra', 'train'),
                'left_handed': signers[name].signer.left_handed,
            }
            for name in sorted(signers)
        },
    }
    (part / 'meta.json').write_text(json.dumps(meta, indent=2) + '\n', encoding='utf-8')

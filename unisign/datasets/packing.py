"""Packing the poses of annotation files into one store."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from torch.utils.data import DataLoader, Dataset

from unisign.datasets.annotations import Annotation, AnnotationFile, write_annotations
from unisign.datasets.clip_paths import ClipPaths
from unisign.datasets.transforms.loading import LoadPoses
from unisign.stores.packed_format import USED_POINTS
from unisign.stores.packed_writer import PackedPoseWriter
from unisign.stores.pose_files import PoseFiles
from unisign.structures import ClipError, DataError, Poses


@dataclass
class PackReport:
    """What packing wrote.

    Attributes:
        clips: clips in the store.
        frames: frames in the store.
        failed: clip id -> why it could not be packed.
        annotations: the annotation files that were written.
    """

    clips: int = 0
    frames: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    annotations: list[Path] = field(default_factory=list)


def pack_poses(
    annotation_files: Sequence[str | Path],
    out: str | Path,
    dtype: str = 'float32',
    used_points_only: bool = False,
    workers: int = 0,
    data_root: str = '',
    annotations_dir: str | Path | None = None,
    max_failed_share: float = 0.01,
    progress: Callable[[Iterator], Iterator] | None = None,
) -> PackReport:
    """Write the poses of all clips in ``annotation_files`` into the packed store ``out``, keyed by clip id.

    A clip that an annotation cuts out of a longer file (``start``, ``end``) is stored as those frames alone, with
    their ids. A clip in several of the files is stored once. The store appears under its name when it is complete.

    Args:
        annotation_files: JSON Lines.
        out: the store to write, ``NAME.lmdb``.
        dtype: ``float32`` or ``float16``.
        used_points_only: store the 69 points that the four parts read, instead of 133.
        workers: processes that read; 0 reads in this one.
        data_root: where paths are looked up that are not beside the annotation file.
        annotations_dir: where to write copies of the annotation files that point to the store; clips that failed keep
            their old path there, so that they stay in sight. None writes none.
        max_failed_share: share of clips that may fail.
        progress: wraps the iterator over clips, such as ``tqdm.tqdm``.

    Raises:
        DataError: for a wrong annotation file, an id that stands for two different clips, or too many failed clips;
            then nothing is written.
    """
    out = Path(out)
    if out.suffix != '.lmdb':
        raise DataError(out, 'a packed store is known by its name.', 'Call it NAME.lmdb.')
    clips = _Clips([AnnotationFile(path) for path in annotation_files], data_root)
    report = PackReport()
    loader = DataLoader(clips, batch_size=None, num_workers=workers, collate_fn=_as_it_is)
    with PackedPoseWriter(out, dtype, USED_POINTS if used_points_only else None) as writer:
        for clip_id, poses, problem in progress(iter(loader)) if progress is not None else loader:
            if poses is None:
                report.failed[clip_id] = problem
                continue
            writer.write(clip_id, poses)
            report.clips += 1
            report.frames += len(poses)
        if len(report.failed) > max_failed_share * len(clips):
            clip_id, problem = next(iter(report.failed.items()))
            raise DataError(
                out,
                f'{len(report.failed)} of {len(clips)} clips cannot be packed (allowed: {max_failed_share:.1%}); '
                f'the first: {clip_id}: {problem}',
                'Nothing was written. Correct them, or allow more with --max-failed-share.',
            )
    if annotations_dir is not None:
        report.annotations = [
            _write_packed_annotations(file, clips.paths[i], out, Path(annotations_dir), report.failed)
            for i, file in enumerate(clips.files)
        ]
    return report


class _Clips(Dataset):
    """The distinct clips of several annotation files, each read as (id, poses, '') or (id, None, problem)."""

    def __init__(self, files: list[AnnotationFile], data_root: str) -> None:
        self.files = files
        self.paths = [ClipPaths(file.path.parent, data_root) for file in files]
        self.store = PoseFiles()
        self._load = LoadPoses()
        self._places = distinct_clips(files, self._source)

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> tuple[str, Poses | None, str]:
        i, j = self._places[index]
        key, start, end = self._source(i, j)
        clip_id = self.files[i][j].id
        results = {'clip_id': clip_id, 'pose_store': self.store, 'pose_key': key, 'start': start, 'end': end}
        try:
            return clip_id, self._load(results)['poses'], ''
        except (ClipError, OSError) as error:
            return clip_id, None, str(error)

    def _source(self, i: int, j: int) -> tuple[str | None, int | None, int | None]:
        annotation = self.files[i][j]
        key = self.paths[i].find_poses(annotation.poses) if annotation.poses else None
        return key, annotation.start, annotation.end


def distinct_clips(files: Sequence[AnnotationFile], source: Callable[[int, int], object]) -> list[tuple[int, int]]:
    """Return (file, place in it) of the clips of several annotation files, those of the same id once.

    Args:
        files: annotation files.
        source: called with file and place, says what the clip is made of.

    Raises:
        DataError: if an id stands for clips made of different things.
    """
    place_of: dict[str, tuple[int, int]] = {}
    for i, file in enumerate(files):
        for j in range(len(file)):
            clip_id = file[j].id
            if clip_id not in place_of:
                place_of[clip_id] = (i, j)
            elif source(i, j) != source(*place_of[clip_id]):
                other = files[place_of[clip_id][0]].path
                raise DataError(
                    file.path, f'the id {clip_id!r} stands for another clip in {other}.', 'Pack them separately.'
                )
    return list(place_of.values())


def _as_it_is(item: object) -> object:
    return item


def _write_packed_annotations(
    file: AnnotationFile, paths: ClipPaths, store: Path, folder: Path, failed: dict[str, str]
) -> Path:
    out = folder / file.path.name
    if out.resolve() == file.path.resolve():
        raise DataError(out, 'the new annotations would replace the old ones.', 'Choose another folder for them.')
    write_annotations(out, (_packed(file[i], paths, store, folder, failed) for i in range(len(file))))
    return out


def _packed(annotation: Annotation, paths: ClipPaths, store: Path, folder: Path, failed: dict[str, str]) -> Annotation:
    def from_folder(path: str | Path) -> str:
        return Path(os.path.relpath(path, folder)).as_posix()

    video = from_folder(paths.find(annotation.video)) if annotation.video else None
    if annotation.id in failed:
        poses = from_folder(paths.find_poses(annotation.poses)) if annotation.poses else None
        return replace(annotation, video=video, poses=poses)
    # start and end stay out: the stored clip is cut already, and its frame ids say where it lies in the video.
    return replace(annotation, video=video, poses=f'{from_folder(store)}#{annotation.id}', start=None, end=None)

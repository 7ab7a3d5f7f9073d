"""Packing the hands of videos: windows around them, of all clips of annotation files, in one store."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from torch.utils.data import DataLoader, Dataset

from unisign.datasets.annotations import AnnotationFile
from unisign.datasets.clip_paths import ClipPaths
from unisign.datasets.frame_mapping import video_frames
from unisign.datasets.hand_crops import check_scale
from unisign.datasets.hand_windows import hand_windows
from unisign.datasets.packing import PackReport, distinct_clips
from unisign.datasets.transforms.loading import LoadPoses
from unisign.registry import VIDEO_READERS
from unisign.stores.packed_window_writer import PackedWindowWriter
from unisign.stores.pose_files import PoseFiles
from unisign.stores.window_format import CODINGS, encode_windows
from unisign.structures import ClipError, DataError


def pack_hand_windows(
    annotation_files: Sequence[str | Path],
    out: str | Path,
    coding: str = 'webp',
    scale: float = 1.2,
    score_threshold: float = 0.3,
    align: str = 'time',
    reader: dict | None = None,
    workers: int = 0,
    data_root: str = '',
    max_failed_share: float = 0.01,
    progress: Callable[[Iterator, int], Iterator] | None = None,
) -> PackReport:
    """Write windows around the hands of all clips in ``annotation_files`` into the store ``out``, keyed by clip id.

    Interrupted, it goes on where it was when it is called again: clips already in ``<out>.part`` are not read again.

    Args:
        annotation_files: JSON Lines that name poses and videos.
        out: the store to write, ``NAME.lmdb``.
        coding: ``webp`` and ``png`` keep every pixel, ``png`` packs faster and is larger; ``jpeg`` is smallest; ``raw``
            is largest, and fastest to pack and to read.
        scale: largest side of boxes over the largest extent of a hand; above 0.
        score_threshold: mean score from which on a hand counts as seen; sampling may use this or a higher one.
        align: how frames of the poses are found in the video, see ``video_frames``.
        reader: config of a video reader; None is ``VideoFiles``.
        workers: processes that read; 0 reads in this one.
        data_root: where paths are looked up that are not beside the annotation file.
        max_failed_share: share of clips that may fail.
        progress: wraps the iterator over clips; called with it and with how many are left to do.

    Returns:
        Clips and windows (as ``frames``) in the store, and the clips that failed.

    Raises:
        DataError: for a wrong annotation file or argument, a part that was begun with other settings, or too many
            failed clips: then the part stays, and the next call tries the failed ones again.
    """
    out = Path(out)
    if out.suffix != '.lmdb':
        raise DataError(out, 'a packed store is known by its name.', 'Call it NAME.lmdb.')
    if coding not in CODINGS:
        raise DataError(out, f'unknown coding {coding!r}.', f'Choose one of {", ".join(CODINGS)}.')
    check_scale(out, scale)
    clips = _Clips([AnnotationFile(path) for path in annotation_files], data_root, coding, scale, score_threshold)
    clips.align, clips.reader = align, VIDEO_READERS.build(reader or {'type': 'VideoFiles'})
    total = len(clips)
    settings = {'coding': coding, 'scale': scale, 'score_threshold': score_threshold, 'align': align}
    report = PackReport()
    with PackedWindowWriter(out, settings) as writer:
        clips.leave_out(writer.written)
        # One clip at a time to each worker: a clip's windows are megabytes.
        loader = DataLoader(
            clips, batch_size=None, num_workers=workers, collate_fn=_as_it_is, prefetch_factor=1 if workers else None
        )
        for clip_id, count, value, problem in progress(iter(loader), len(clips)) if progress is not None else loader:
            if problem:
                report.failed[clip_id] = problem
            else:
                writer.write(clip_id, count, value)
        if len(report.failed) > max_failed_share * total:
            clip_id, problem = next(iter(report.failed.items()))
            raise DataError(
                out,
                f'the hands of {len(report.failed)} of {total} clips cannot be packed (allowed: '
                f'{max_failed_share:.1%}); the first: {clip_id}: {problem}',
                f'The others are kept in {writer.part.name}: repair these and run it again, or allow more with '
                '--max-failed-share.',
            )
        writer.finish()
        report.clips, report.frames = len(writer.written), sum(writer.written.values())
    return report


class _Clips(Dataset):
    """The distinct clips of annotation files, as (id, number of windows, bytes, '') or (id, 0, b'', problem)."""

    align = 'time'
    reader: Any = None

    def __init__(
        self, files: list[AnnotationFile], data_root: str, coding: str, scale: float, score_threshold: float
    ) -> None:
        self.files = files
        self.coding, self.scale, self.score_threshold = coding, scale, score_threshold
        self._paths = [ClipPaths(file.path.parent, data_root) for file in files]
        self._store, self._load = PoseFiles(), LoadPoses()
        self._places = distinct_clips(files, self._source)

    def leave_out(self, clip_ids: dict[str, int]) -> None:
        """Leave out clips that are done."""
        self._places = [(i, j) for i, j in self._places if self.files[i][j].id not in clip_ids]

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> tuple[str, int, bytes, str]:
        i, j = self._places[index]
        clip_id = self.files[i][j].id
        try:
            count, value = self._encoded(clip_id, *self._source(i, j))
        except (ClipError, OSError) as error:
            return clip_id, 0, b'', str(error)
        return clip_id, count, value, ''

    def _encoded(
        self, clip_id: str, video: str | None, key: str | None, start: int | None, end: int | None
    ) -> tuple[int, bytes]:
        if video is None:
            raise ClipError(clip_id, 'the annotation names no video.', 'Name it under "video", or leave the clip out.')
        results: dict[str, Any] = {
            'clip_id': clip_id,
            'pose_store': self._store,
            'pose_key': key,
            'start': start,
            'end': end,
        }
        results = self._load(results)
        poses, info = results['poses'], self.reader.info(video)
        numbers = video_frames(poses, info, video, results['stored_frames'], self.align)
        windows = hand_windows(
            poses,
            lambda wanted: self.reader.frames(video, wanted),
            numbers,
            info.size,
            self.scale,
            self.score_threshold,
        )
        return len(windows), encode_windows(windows, self.coding)

    def _source(self, i: int, j: int) -> tuple[str | None, str | None, int | None, int | None]:
        annotation = self.files[i][j]
        video = self._paths[i].find(annotation.video) if annotation.video else None
        key = self._paths[i].find_poses(annotation.poses) if annotation.poses else None
        return video, key, annotation.start, annotation.end


def _as_it_is(item: object) -> object:
    return item

"""Keypoints of many videos: ``tools/data/extract_poses.py``."""

import multiprocessing
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from unisign.pose.build import build_estimator
from unisign.pose.clip_writer import ClipFolder
from unisign.pose.pose_estimator import PoseEstimator
from unisign.pose.video_list import Video
from unisign.registry import VIDEO_READERS
from unisign.structures import ClipError, DataError, Poses


@dataclass(frozen=True)
class ClipResult:
    """What became of one video.

    Attributes:
        id: the clip.
        frames: how many frames it has; 0 if it failed.
        error: what was wrong with the video; '' if nothing was.
    """

    id: str
    frames: int = 0
    error: str = ''


def poses_of_video(estimator: PoseEstimator, path: str | Path) -> Poses:
    """Return the keypoints of a video, one entry a frame, with its frame rate.

    The frames of a video with variable frame rate are taken as they come; the rate is their mean.

    Args:
        estimator: from ``build_estimator``.
        path: a video file, or a folder with one image a frame.

    Raises:
        ClipError: if the video is missing, is none, has no frames, or is damaged.
    """
    reader = VIDEO_READERS.build({'type': 'VideoFiles'})
    info = reader.info(path)
    if not info.num_frames:
        raise ClipError(path, 'the video has no frames.', 'Copy or export it again.')
    if info.announced_frames and info.announced_frames > info.num_frames:
        raise ClipError(
            path,
            f'the video holds {info.num_frames} of the {info.announced_frames} frames that its header announces.',
            'It is cut off: copy it again.',
        )
    return estimator(reader.frames(path, np.arange(info.num_frames)), info.frame_rate, source=path)


def extract(
    videos: Sequence[Video],
    clips: ClipFolder,
    estimator: str | Mapping[str, Any],
    device: str | None = None,
    processes: int = 1,
) -> Iterator[ClipResult]:
    """Estimate and write the keypoints of videos, and yield what became of each as it is finished.

    Clips that the folder holds already are passed over; videos that failed in an earlier run are tried again.

    Args:
        videos: the videos of this process's share.
        clips: where the poses go.
        estimator: as for ``build_estimator``.
        device: as for ``build_estimator``.
        processes: 1 works in this process; else so many others, started anew.

    Raises:
        DataError: if the folder holds poses made in another way, or a process died (out of memory, or a crash).
    """
    own = build_estimator(estimator, device)
    clips.claim(own.describe())
    left = [video for video in videos if not clips.path(video.id).exists()]
    if processes == 1 or len(left) < 2:
        for video in left:
            yield _extract_one(own, clips, video)
        return
    context = multiprocessing.get_context('spawn')
    with ProcessPoolExecutor(min(processes, len(left)), context, _start_worker, (clips, estimator, device)) as pool:
        tasks = {pool.submit(_extract_in_worker, video): video for video in left}
        try:
            for task in as_completed(tasks):
                yield task.result()
        except BrokenProcessPool as error:
            raise DataError(
                clips.folder,
                'a process died without a word, perhaps for want of memory.',
                'What is finished is kept: start again, with fewer --processes.',
            ) from error


def _extract_one(estimator: PoseEstimator, clips: ClipFolder, video: Video) -> ClipResult:
    try:
        poses = poses_of_video(estimator, video.path)
    except ClipError as error:
        return ClipResult(video.id, error=str(error))
    clips.write(video.id, poses)
    return ClipResult(video.id, len(poses))


# What a worker process holds, set once when it starts.
_worker: dict[str, Any] = {}


def _start_worker(clips: ClipFolder, estimator: str | Mapping[str, Any], device: str | None) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _worker.update(clips=clips, estimator=build_estimator(estimator, device))


def _end_with_parent() -> None:
    """End this process when the one that started it is gone, also when that was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _extract_in_worker(video: Video) -> ClipResult:
    return _extract_one(_worker['estimator'], _worker['clips'], video)

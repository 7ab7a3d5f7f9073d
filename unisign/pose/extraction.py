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
from unisign.pose.resampling import resample
from unisign.pose.video_list import Video
from unisign.registry import VIDEO_READERS
from unisign.structures import ClipError, DataError, Poses


@dataclass(frozen=True)
class ClipResult:
    """What became of one video.

    Attributes:
        id: the clip.
        frames: how many frames its poses have; 0 if it failed.
        error: what was wrong with the video; '' if nothing was.
        note: what is odd about poses that were written: nobody is seen in the video; '' if nothing is.
    """

    id: str
    frames: int = 0
    error: str = ''
    note: str = ''


def poses_of_video(estimator: PoseEstimator, path: str | Path, frame_rate: float | None = None) -> Poses:
    """Return the keypoints of a video, one entry a frame, with its frame rate; or at another rate.

    The frames of a video with variable frame rate are taken as they come, and the rate is their mean, unless
    ``frame_rate`` asks for even ones.

    Args:
        estimator: from ``build_estimator``.
        path: a video file, or a folder with one image a frame.
        frame_rate: frames per second of the result: all frames are estimated, and the keypoints interpolated between
            them by the times at which they are shown. None leaves them as they are.

    Raises:
        ClipError: if the video is missing, is none, has no frames, or is damaged; or another rate is asked of a folder.
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
    if frame_rate is not None and info.frame_rate is None:
        raise ClipError(path, 'its frame rate is unknown, and another one was asked for.', 'Make a video of it.')
    poses = estimator(reader.frames(path, np.arange(info.num_frames)), info.frame_rate, source=path)
    return poses if frame_rate is None else resample(poses, frame_rate, info.times)


def extract(
    videos: Sequence[Video],
    clips: ClipFolder,
    estimator: str | Mapping[str, Any],
    device: str | None = None,
    processes: int = 1,
    frame_rate: float | None = None,
) -> Iterator[ClipResult]:
    """Estimate and write the keypoints of videos, and yield what became of each as it is finished.

    Clips that the folder holds already are passed over; videos that failed in an earlier run are tried again.

    Args:
        videos: the videos of this process's share.
        clips: where the poses go.
        estimator: as for ``build_estimator``.
        device: as for ``build_estimator``.
        processes: 1 works in this process; else so many others, started anew.
        frame_rate: as for ``poses_of_video``.

    Raises:
        DataError: if the folder holds poses made in another way, or a process died (out of memory, or a crash).
        ValueError: for an impossible frame rate.
    """
    if frame_rate is not None and not 0 < frame_rate < float('inf'):
        raise ValueError(f'frame_rate should be above 0 frames per second, got {frame_rate}')
    own = build_estimator(estimator, device)
    clips.claim({**own.describe(), 'frame_rate': frame_rate})
    left = [video for video in videos if not clips.path(video.id).exists()]
    for video in left:
        clips.remove_parts(video.id)
    if processes == 1 or len(left) < 2:
        for video in left:
            yield _extract_one(own, clips, video, frame_rate)
        return
    context, arguments = multiprocessing.get_context('spawn'), (clips, estimator, device, frame_rate)
    with ProcessPoolExecutor(min(processes, len(left)), context, _start_worker, arguments) as pool:
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


def _extract_one(estimator: PoseEstimator, clips: ClipFolder, video: Video, frame_rate: float | None) -> ClipResult:
    try:
        poses = poses_of_video(estimator, video.path, frame_rate)
    except ClipError as error:
        return ClipResult(video.id, error=str(error))
    clips.write(video.id, poses)
    nobody = not (poses.scores > 0).any()
    return ClipResult(video.id, len(poses), note='nobody is seen in it: all scores are 0.' if nobody else '')


# What a worker process holds, set once when it starts.
_worker: dict[str, Any] = {}


def _start_worker(
    clips: ClipFolder, estimator: str | Mapping[str, Any], device: str | None, frame_rate: float | None
) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _worker.update(clips=clips, estimator=build_estimator(estimator, device), frame_rate=frame_rate)


def _end_with_parent() -> None:
    """End this process when the one that started it is gone, also when that was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _extract_in_worker(video: Video) -> ClipResult:
    return _extract_one(_worker['estimator'], _worker['clips'], video, _worker['frame_rate'])

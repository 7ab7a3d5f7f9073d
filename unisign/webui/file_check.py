"""A look at what somebody uploaded: whether it is a video within the limits, and poses that go with one.

Runs in a process of its own (``run_apart``): nothing here is trusted yet.
"""

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unisign.datasets.video_readers import PyAVReader
from unisign.stores import POSE_SUFFIXES, PoseFiles, write_npz
from unisign.structures import ClipError, Poses
from unisign.webui.limits import MEGABYTE, PageLimits

FRAME_RATE = 25.0  # of a video that does not say
MOST_ARRAYS = 16


@dataclass(frozen=True)
class CheckedClip:
    """What was found.

    Attributes:
        num_frames: of the video.
        poses: path of the rewritten poses, beside those that came; None without.
    """

    num_frames: int
    poses: str | None = None


def check_clip(video: str, poses: str | None, limits: PageLimits) -> CheckedClip:
    """Read an upload to the end, and write its poses anew, as arrays that hold nothing else.

    Args:
        video: path.
        poses: path of a pose file (``.npz``, ``.pkl``, ``.pose``), if there is one.
        limits: of the page.

    Raises:
        ClipError: if the video is none, cannot be decoded to its end, or passes a limit; or if the poses do.
    """
    num_frames = _check_video(video, limits)
    if poses is None:
        return CheckedClip(num_frames)
    clean = str(Path(poses).with_name('poses_checked.npz'))
    write_npz(clean, _read_poses(poses, limits))
    return CheckedClip(num_frames, clean)


def _check_video(path: str, limits: PageLimits) -> int:
    if not Path(path).stat().st_size:
        raise ClipError(path, 'the file is empty (0 bytes).', 'Choose the video again, or record it again.')
    reader = PyAVReader()
    info = reader.info(path)
    width, height = info.size
    if width * height > limits.max_pixels or min(width, height) < 1:
        raise ClipError(
            path,
            f'its frames are {width}x{height} pixels; {limits.max_pixels:,} pixels are read at most.',
            'Convert it to a smaller size.',
        )
    seconds = info.num_frames / (info.frame_rate or FRAME_RATE)
    if info.num_frames > limits.max_frames or seconds > limits.max_seconds:
        raise ClipError(
            path,
            f'it lasts {seconds:,.1f} s and has {info.num_frames:,} frames; {limits.max_seconds:g} s and '
            f'{limits.max_frames:,} frames are read at most.',
            'Cut out the part that matters.',
        )
    for _ in reader.frames(path, np.arange(info.num_frames)):
        pass
    return info.num_frames


def _read_poses(path: str, limits: PageLimits) -> Poses:
    kind = Path(path).suffix.lower()
    if kind not in POSE_SUFFIXES:
        raise ClipError(path, 'is no pose file by its name.', f'Pose files end in {", ".join(POSE_SUFFIXES)}.')
    if kind == '.npz':
        _check_archive(path, limits)
    poses = PoseFiles().read(path)
    if len(poses) > limits.max_frames:
        raise ClipError(
            path,
            f'holds {len(poses):,} frames; {limits.max_frames:,} are read at most.',
            'Cut out the part that matters.',
        )
    return poses


def _check_archive(path: str, limits: PageLimits) -> None:
    """Refuse an archive that says it unpacks to more than poses can need; reading stops at what it says."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise ClipError(path, f'is no readable .npz file ({error}).', 'Write it again.') from error
    size = sum(member.file_size for member in members)
    if size > limits.unpacked_pose_bytes or len(members) > MOST_ARRAYS:
        raise ClipError(
            path,
            f'unpacks to {size / MEGABYTE:,.1f} MB in {len(members)} arrays; poses of the longest clip that is read '
            f'take {limits.unpacked_pose_bytes / MEGABYTE:,.1f} MB.',
            'Save keypoints, scores, frame_size and frame_rate of this clip alone.',
        )

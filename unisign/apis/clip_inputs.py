"""What may be given to be translated, and which clips that is."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from unisign.apis.frames_in_memory import FramesInMemory
from unisign.apis.video_download import address_name, is_address
from unisign.pose.video_list import VIDEO_SUFFIXES as EXTRACTED_SUFFIXES
from unisign.stores.pose_files import POSE_SUFFIXES, split_packed_key
from unisign.structures import ClipError, DataError, Poses

VIDEO_SUFFIXES = (*EXTRACTED_SUFFIXES, '.mts', '.3gp', '.wmv', '.flv')
IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.webp')
KINDS = 'a path, an http(s) address, uint8 frames [T, H, W, 3], Poses, a folder, or a list of those'


@dataclass
class ClipInput:
    """One clip as it was given; what of it is there.

    Attributes:
        clip_id: short name: the file's without its suffix, the key in a packed store, or ``clip N``.
        source: what errors call it: path, address, or ``clip N``.
        video: path, or frames in memory.
        poses: keypoints, or a pose file (``x.npz``, ``x.pkl``, ``x.pose``, ``STORE.lmdb#KEY``).
        url: address of a video that is still to be fetched.
        problem: why it cannot be used.
    """

    clip_id: str
    source: str
    video: str | FramesInMemory | None = None
    poses: Poses | str | None = None
    url: str | None = None
    problem: ClipError | None = None


def list_clips(inputs: Any, poses: Any = None, frame_rate: float = 25.0) -> tuple[list[ClipInput], bool]:
    """Return the clips that ``inputs`` stands for, and whether it is a single one rather than a list or folder.

    Args:
        inputs: a video, address, pose file, array of frames, ``Poses``, folder, or a list of those. A folder stands for
            its videos; if it has none, for its pose files; a folder of images only is one clip.
        poses: keypoints of the videos: ``Poses`` or a pose file for a single one, a list with an entry (or None) for
            each, or a folder or packed store (``x.lmdb``) that holds them under the videos' names.
        frame_rate: frames per second of arrays.

    Raises:
        DataError: for anything else, an empty list or folder, or poses that do not go with the inputs.
    """
    single = not _is_list(inputs)
    if single:
        clips, single = _clips_of(inputs, 0, frame_rate)
    else:
        clips = []
        for item in inputs:
            clips += _clips_of(item, len(clips), frame_rate)[0]
        if not clips:
            raise DataError('inputs', 'the list is empty.', f'Give {KINDS}.')
    _tell_apart(clips)
    if poses is not None:
        _add_poses(clips, poses, single)
    return clips, single


def is_pose_file(text: str) -> bool:
    """Tell whether a text names poses on disk: a pose file, a packed store or one of its clips, or a folder."""
    path = Path(text)
    return '.lmdb' in text or path.suffix.lower() in POSE_SUFFIXES or path.is_dir()


def _is_list(inputs: Any) -> bool:
    return isinstance(inputs, Iterable) and not isinstance(inputs, str | Path | np.ndarray | Poses)


def _clips_of(item: Any, number: int, frame_rate: float) -> tuple[list[ClipInput], bool]:
    """Return the clips of one thing that was given, and whether it can only be one."""
    name = f'clip {number}'
    if isinstance(item, Poses):
        return [ClipInput(name, name, poses=item)], True
    if isinstance(item, np.ndarray):
        clip = ClipInput(name, name)
        try:
            clip.video = FramesInMemory(item, frame_rate, name)
        except ClipError as error:
            clip.problem = error
        return [clip], True
    if not isinstance(item, str | Path):
        raise DataError(name, f'got {type(item).__name__}, expected {KINDS}.')
    text = str(item)
    if is_address(text):
        return [ClipInput(address_name(text), text, url=text)], True
    if split_packed_key(text) is None and Path(text).is_dir():
        return _clips_of_folder(Path(text))
    return [_clip_of_file(text)], True


def _clip_of_file(text: str) -> ClipInput:
    packed = split_packed_key(text)
    if packed is not None:
        return ClipInput(packed[1], text, poses=text)
    path = Path(text)
    if path.suffix.lower() in POSE_SUFFIXES:
        return ClipInput(path.stem, text, poses=text)
    if path.suffix == '.lmdb':
        error = ClipError(text, 'is a packed store of many clips.', f'Name one: {text}#CLIP.')
        return ClipInput(path.stem, text, problem=error)
    return ClipInput(path.stem, text, video=text)


def _clips_of_folder(folder: Path) -> tuple[list[ClipInput], bool]:
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith('.'))
    for suffixes in (VIDEO_SUFFIXES, POSE_SUFFIXES):
        chosen = [path for path in files if path.suffix.lower() in suffixes]
        if chosen:
            return [_clip_of_file(str(path)) for path in chosen], False
    if any(path.suffix.lower() in IMAGE_SUFFIXES for path in files):
        return [ClipInput(folder.resolve().name, str(folder), video=str(folder))], True
    kinds = ' '.join((*VIDEO_SUFFIXES, *POSE_SUFFIXES))
    raise DataError(
        folder, f'the folder holds no videos and no pose files ({kinds}).', 'Name the files, or another one.'
    )


def _tell_apart(clips: Sequence[ClipInput]) -> None:
    """Let clips of one name go by what they were given as, and number those that are the same there too."""
    names = Counter(clip.clip_id for clip in clips)
    for clip in clips:
        if names[clip.clip_id] > 1:
            clip.clip_id = clip.source
    seen: Counter[str] = Counter()
    for clip in clips:
        seen[clip.clip_id] += 1
        if seen[clip.clip_id] > 1:  # the same file, with other poses perhaps
            clip.clip_id += f' ({seen[clip.clip_id]})'


def _add_poses(clips: list[ClipInput], poses: Any, single: bool) -> None:
    if _is_list(poses):
        poses = list(poses)
        if len(poses) != len(clips):
            raise DataError('poses', f'{len(poses)} were given for {len(clips)} clips.', 'Give one for each, or None.')
        for clip, own in zip(clips, poses, strict=True):
            clip.poses = clip.poses if own is None else _pose_value(own)
        return
    folder = isinstance(poses, str | Path) and (Path(poses).is_dir() or str(poses).endswith('.lmdb'))
    if not single and not folder:
        raise DataError(
            'poses', f'{poses} was given for {len(clips)} clips.', 'Give a list, or a folder with a pose file for each.'
        )
    for clip in clips:
        if clip.poses is None:
            try:
                clip.poses = _find_poses(Path(poses), clip) if folder else _pose_value(poses)
            except ClipError as error:
                clip.problem = clip.problem or error


def _pose_value(poses: Any) -> Poses | str:
    if not isinstance(poses, Poses | str | Path):
        raise DataError('poses', f'got {type(poses).__name__}, expected Poses or the path of a pose file.')
    return poses if isinstance(poses, Poses) else str(poses)


def _find_poses(place: Path, clip: ClipInput) -> str:
    stem = Path(clip.video).stem if isinstance(clip.video, str) else clip.clip_id
    stem = address_name(clip.url) if clip.url else stem
    if place.suffix == '.lmdb' and not place.is_dir():
        return f'{place}#{stem}'
    for suffix in POSE_SUFFIXES:
        if (place / f'{stem}{suffix}').is_file():
            return str(place / f'{stem}{suffix}')
    raise ClipError(
        clip.source, f'no poses in {place}: looked for {stem} with {" ".join(POSE_SUFFIXES)}.', 'Extract its keypoints.'
    )

"""Which video frame each frame of a clip's poses belongs to (docs/hand_crops.md)."""

import numpy as np

from unisign.datasets.video_readers.video_reader import SHORT_ADVICE, VideoInfo, held
from unisign.structures import ClipError, Poses

ALIGNMENTS = ('time', 'count')
# 29.97 and 30 frames per second are the same rate written in two ways.
_SAME_RATE = 0.01
# Sides are rounded when a video is scaled.
_SAME_SHAPE = 0.02


def video_frames(
    poses: Poses, info: VideoInfo, path: object, stored_frames: int | None = None, align: str = 'time'
) -> np.ndarray:
    """Return the number of the video frame of each frame of the clip, int64 [T].

    ``time``: frame i of the poses is frame i of the video, unless both know their frame rates and these differ: then
    it is the frame shown at the same moment, by the video's own times if its frames come unevenly. With as many frames
    in the video as in the pose file the rates are not asked. ``count``: pose file and video cover the same time
    whatever their numbers of frames: i times the ratio of these numbers.

    Args:
        poses: the clip; its ``frame_ids`` count frames of the whole clip, from 0, at the poses' own frame rate.
        info: what is known of the video.
        path: the video, for the error.
        stored_frames: frames of the whole pose file; None if unknown.
        align: ``time`` or ``count``.

    Raises:
        ClipError: if the video is too short for the poses, has another shape, or ``count`` lacks the file's number of
            frames.
    """
    ids = np.arange(len(poses)) if poses.frame_ids is None else poses.frame_ids
    _check_shape(poses, info, path)
    ratio = _ratio(poses, info, path, stored_frames, align)
    exact = ids * ratio
    if align == 'time' and ratio != 1 and info.times is not None:
        exact = _places(ids / float(poses.frame_rate or 1), info.times)
    numbers = np.floor(exact + 0.5).astype(np.int64)
    numbers = np.where(exact < info.num_frames, np.minimum(numbers, info.num_frames - 1), numbers)
    if len(numbers) and numbers.max() >= info.num_frames:
        rate = '' if ratio == 1 else f' (frame {ids.max()} of the poses, at {poses.frame_rate:g} frames a second)'
        raise ClipError(
            path,
            f'the video is shorter than the poses: it has {held(info)}, and they need frame {numbers.max()}{rate}.',
            SHORT_ADVICE,
        )
    return numbers


def _ratio(poses: Poses, info: VideoInfo, path: object, stored_frames: int | None, align: str) -> float:
    """Return video frames per pose frame."""
    if align == 'count':
        if not stored_frames:
            raise ClipError(
                path,
                "align='count' needs the number of frames of the whole pose file, and this clip was cut out of it "
                'before it was stored.',
                "Use align='time', or poses that are not cut.",
            )
        return info.num_frames / stored_frames
    if poses.frame_rate is None or info.frame_rate is None or stored_frames == info.num_frames:
        return 1.0
    ratio = info.frame_rate / poses.frame_rate
    return 1.0 if abs(ratio - 1) < _SAME_RATE else ratio


def _places(moments: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Return where moments (seconds, [T]) lie between the frames of a video that are shown at ``times``, in frames.

    Behind the last frame it goes on at the mean rate, so that a video that is too short is still noticed.
    """
    places = np.interp(moments, times, np.arange(len(times)))
    mean = (len(times) - 1) / times[-1]
    return places + np.maximum(moments - times[-1], 0) * mean


def _check_shape(poses: Poses, info: VideoInfo, path: object) -> None:
    if poses.frame_size is None:
        return
    expected, found = (size[0] / size[1] for size in (poses.frame_size, info.size))
    if abs(found / expected - 1) > _SAME_SHAPE:
        turned = ' Width and height seem to be swapped.' if abs(found * expected - 1) <= _SAME_SHAPE else ''
        raise ClipError(
            path,
            f'its frames are {info.size[0]}x{info.size[1]}, of another shape than the '
            f'{poses.frame_size[0]}x{poses.frame_size[1]} that the poses were made from.{turned}',
            'It is cropped, turned or another video: hands would be cut out in the wrong place. Name the right one.',
        )

"""Pictures of the hands: which frames of a clip, and the crops from them (spec.md, section 5)."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from unisign.datasets.frame_mapping import ALIGNMENTS, video_frames
from unisign.datasets.hand_crops import (
    HANDS,
    RESIZING,
    SIDES,
    Cut,
    check_scale,
    crop_hands,
    frame_cutter,
    hand_candidates,
    no_crops,
)
from unisign.datasets.hand_windows import window_cutter
from unisign.registry import FRAME_SAMPLERS, POSE_STORES, TRANSFORMS, VIDEO_READERS
from unisign.structures import ClipError, DataError, Poses

MISSING_VIDEO = ('error', 'skip')


@TRANSFORMS.register_module()
class SampleHandFrames:
    """Choose the frames of either hand whose pixels are read.

    Candidates are the frames whose mean score of the hand exceeds the threshold; of n candidates, ceil(ratio * n) are
    taken. Put it behind ``SampleFrames`` and before augmentations.

    Required keys: poses, rng, test_mode.
    Added keys: hand_frames (hand -> sorted int64 [N], frames of the clip; N is 0 without candidates).

    Args:
        sampler: config of a frame sampler, or a callable ``(num_frames, max_frames, rng, scores) -> indices``. In test
            mode it gets no ``rng``, so its choice is always the same.
        ratio: share of the candidates to take, 0 to 1. With 0 no video is opened: how an RGB-pose model is tested with
            poses alone.
        score_threshold: mean score from which on a hand counts as seen.

    Raises:
        DataError: for a ratio outside [0, 1].
    """

    def __init__(
        self, sampler: dict | Callable | None = None, ratio: float = 0.1, score_threshold: float = 0.3
    ) -> None:
        if not 0 <= ratio <= 1:
            raise DataError(
                'SampleHandFrames',
                f'ratio should be a share of the frames, 0 to 1, got {ratio}.',
                'Correct the config.',
            )
        sampler = {'type': 'ScoreAwareFrameSampler'} if sampler is None else sampler
        self.sampler = FRAME_SAMPLERS.build(sampler) if isinstance(sampler, dict) else sampler
        self.ratio, self.score_threshold = ratio, score_threshold

    def __call__(self, results: dict) -> dict:
        """Return ``results`` with hand_frames."""
        rng = None if results['test_mode'] else results['rng']
        results['hand_frames'] = {side: self._sample(results['poses'], side, rng) for side in SIDES}
        return results

    def _sample(self, poses: Poses, side: str, rng: np.random.Generator | None) -> np.ndarray:
        candidates = hand_candidates(poses, side, self.score_threshold)
        if not len(candidates) or not self.ratio:
            return candidates[:0]
        # Rounded first: 0.1 * 70 is 7.000000000000001 in floating point, and 7 frames are meant.
        count = math.ceil(round(self.ratio * len(candidates), 9))
        scores = poses.scores[candidates, HANDS[side]]
        return candidates[self.sampler(len(candidates), count, rng=rng, scores=scores)]


@TRANSFORMS.register_module()
class LoadHandCrops:
    """Cut the hands out of the sampled frames. Only these frames are decoded.

    A clip whose video is missing, damaged, too short for the poses or of another shape fails with its name, or goes on
    without pictures of the hands (``missing_video='skip'``); ``FailedClipHook`` reports both.

    Put it before augmentations: those that mirror the clip or change its frames take the crops along.

    Required keys: poses, hand_frames, clip_id, video. Optional: stored_frames.
    Added keys: hands: for ``left`` and ``right`` a dict: frames int64 [N], of the clip; images uint8 RGB
    [N, size, size, 3]; keypoints float32 [N, 21, 2], fractions of the crop; boxes float32 [N, 4] (left, top, right,
    bottom, fractions of the video's frame) and video_frames int64 [N] (numbers in the video; with ``windows`` those of
    the poses), for drawing. N may be 0. Also rgb_failure (why there are no pictures) where a video was skipped.

    Args:
        reader: config of a video reader, or a reader; None is ``VideoFiles``. Not used with ``windows``.
        size: side of the crops.
        scale: side of the boxes over the largest extent of a hand; above 0.
        windows: packed hand windows (``tools/data/extract_hand_crops.py``): path, config or store; then no video is
            opened. Their crops are those of the video, bit for bit unless they were packed as JPEG.
        missing_video: ``error`` or ``skip``.
        align: how frames of the poses are found in the video, see ``video_frames``. Not used with ``windows``.
        resize: ``pillow``: the published crops, bit for bit; ``torch``: five times as fast and next to the same, for
            training; see ``hand_crops.resize_boxes``.

    Raises:
        DataError: for another ``missing_video``, ``align`` or ``resize``, or a size or scale that shows nothing.
    """

    def __init__(
        self,
        reader: dict | object | None = None,
        size: int = 112,
        scale: float = 1.2,
        windows: str | Path | dict | object | None = None,
        missing_video: str = 'error',
        align: str = 'time',
        resize: str = 'pillow',
    ) -> None:
        for name, value, known in (
            ('missing_video', missing_video, MISSING_VIDEO),
            ('align', align, ALIGNMENTS),
            ('resize', resize, RESIZING),
        ):
            if value not in known:
                raise DataError(
                    'LoadHandCrops',
                    f'{name} should be one of {", ".join(known)}, got {value!r}.',
                    'Correct the config.',
                )
        if size < 1:
            raise DataError('LoadHandCrops', f'size should be a number of pixels, got {size}.', 'Correct the config.')
        check_scale('LoadHandCrops', scale)
        reader = {'type': 'VideoFiles'} if reader is None else reader
        self.reader: Any = VIDEO_READERS.build(reader) if isinstance(reader, dict) else reader
        if isinstance(windows, str | Path):
            windows = {'type': 'PackedHandWindows', 'path': str(windows)}
        self.windows: Any = POSE_STORES.build(windows) if isinstance(windows, dict) else windows
        self.size, self.scale, self.missing_video, self.align = size, scale, missing_video, align
        self.resize = resize

    def __call__(self, results: dict) -> dict:
        """Return ``results`` with hands.

        Raises:
            ClipError: if the video cannot be used, unless it is to be skipped.
            DataError: if no frames were sampled before.
        """
        if 'hand_frames' not in results:
            raise DataError('LoadHandCrops', 'needs SampleHandFrames before it in the pipeline.', 'Add it.')
        poses, hand_frames = results['poses'], results['hand_frames']
        numbers = np.arange(len(poses)) if poses.frame_ids is None else poses.frame_ids
        results['hands'] = {side: no_crops(self.size) for side in SIDES}
        try:
            if any(len(frames) for frames in hand_frames.values()):
                load = self._from_video if self.windows is None else self._from_windows
                cut, frame_size, numbers = load(results, numbers)
                results['hands'] = crop_hands(poses, hand_frames, cut, frame_size, self.size, self.scale)
        except (ClipError, OSError) as error:
            if self.missing_video == 'error':
                raise
            results['rgb_failure'] = str(error)
        for hand in results['hands'].values():
            hand['video_frames'] = numbers[hand['frames']].astype(np.int64)
        return results

    def _from_video(self, results: dict, numbers: np.ndarray) -> tuple[Cut, tuple[int, int], np.ndarray]:
        """Return what cuts the crops, the size of the frames, and the number of the video frame of each frame."""
        path = results['video']
        if path is None:
            raise ClipError(
                results['clip_id'], 'the annotation names no video.', 'Name it under "video", or train without RGB.'
            )
        info = self.reader.info(path)
        numbers = video_frames(results['poses'], info, path, results.get('stored_frames'), self.align)
        ids = {side: numbers[frames] for side, frames in results['hand_frames'].items()}
        cut = frame_cutter(lambda wanted: self.reader.frames(path, wanted), ids, self.size, self.resize)
        return cut, info.size, numbers

    def _from_windows(self, results: dict, numbers: np.ndarray) -> tuple[Cut, tuple[int, int], np.ndarray]:
        """As ``_from_video``; the windows go by the numbers of the poses."""
        key = results['clip_id']
        ids = {side: numbers[frames] for side, frames in results['hand_frames'].items()}
        cut = window_cutter(self.windows, key, ids, self.size, self.resize)
        return cut, self.windows.frame_size(key), numbers

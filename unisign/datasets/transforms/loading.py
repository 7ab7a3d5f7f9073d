"""The first steps of a pipeline: reading a clip's poses and choosing its frames."""

from collections.abc import Callable

import numpy as np

from unisign.registry import FRAME_SAMPLERS, TRANSFORMS
from unisign.structures import ClipError


@TRANSFORMS.register_module()
class LoadPoses:
    """Read the clip's poses from the dataset's pose store.

    Required keys: clip_id, pose_store, pose_key, start, end.
    Added keys: poses (``unisign.structures.Poses``): frames start..end-1 of the stored clip if the annotation says so;
    stored_frames: frames of the whole pose file, None if the file itself is a piece of a longer one.
    """

    def __call__(self, results: dict) -> dict:
        """Return ``results`` with poses.

        Raises:
            ClipError: if the clip has no poses, or they cannot be read.
        """
        key = results['pose_key']
        if key is None:
            raise ClipError(
                results['clip_id'],
                'the annotation names a video and no poses.',
                'Extract the keypoints of the video, and name their file under "poses".',
            )
        poses = results['pose_store'].read(key)
        results['stored_frames'] = len(poses) if poses.frame_ids is None else None
        start, end = results['start'], results['end']
        if start is not None or end is not None:
            first, behind = start or 0, len(poses) if end is None else end
            if not first < behind <= len(poses):
                raise ClipError(
                    results['clip_id'],
                    f'start {start} and end {end} do not fit the {len(poses)} frames of {key}.',
                    'Frames start..end-1 are used; correct the annotation, or the pose file is truncated.',
                )
            poses = poses.select(np.arange(first, behind))
        results['poses'] = poses
        return results


@TRANSFORMS.register_module()
class SampleFrames:
    """Thin a clip that is longer than the model reads.

    Required keys: poses, rng. Modified keys: poses (at most ``max_frames`` frames; ``frame_ids`` says which).

    Args:
        sampler: config of a frame sampler, or a callable ``(num_frames, max_frames, rng) -> indices``.
        max_frames: most frames of a clip: 256, and 64 for isolated signs (spec.md, section 1).
    """

    def __init__(self, sampler: dict | Callable, max_frames: int = 256) -> None:
        self.sampler = FRAME_SAMPLERS.build(sampler) if isinstance(sampler, dict) else sampler
        self.max_frames = max_frames

    def __call__(self, results: dict) -> dict:
        """Return ``results`` with at most ``max_frames`` frames of poses."""
        poses = results['poses']
        if len(poses) > self.max_frames:
            results['poses'] = poses.select(self.sampler(len(poses), self.max_frames, results['rng']))
        return results

"""Random changes of time and of what was seen: speed, lost hands, lost frames.

Randomness comes from ``results['rng']`` only; missing points (score 0) stay missing. Crops of the hands
(``LoadHandCrops``) stay with their frames; those of a frame that is gone go too. Points that are lost are lost to the
detector only: the crops keep showing them.
"""

from dataclasses import replace

import numpy as np

from unisign.datasets.transforms.hand_pictures import keep_hands_in_step
from unisign.datasets.transforms.spatial_augmentation import ARMS, LEFT_HAND, MISSING, RIGHT_HAND, smooth_curve
from unisign.registry import TRANSFORMS
from unisign.structures import Poses


def resample(poses: Poses, position: np.ndarray) -> Poses:
    """Return the clip read at fractional frames.

    A point between two frames is interpolated where both see it, with their mean score; otherwise the nearer frame
    decides, so a missing point is never mixed with a real one.

    Args:
        poses: the clip, T frames.
        position: float [N], sorted, in 0..T-1.
    """
    last = len(poses) - 1
    position = np.clip(position, 0, last)
    before = np.floor(position).astype(np.int64)
    after = np.minimum(before + 1, last)
    weight = (position - before).astype(np.float32)[:, None]
    both = (poses.scores[before] > MISSING) & (poses.scores[after] > MISSING)
    weight = np.where(both, weight, np.round(weight))
    scores = poses.scores[before] * (1 - weight) + poses.scores[after] * weight
    weight = weight[..., None]
    keypoints = poses.keypoints[before] * (1 - weight) + poses.keypoints[after] * weight
    nearest = poses.select(np.round(position).astype(np.int64))
    return replace(nearest, keypoints=keypoints.astype(np.float32), scores=scores.astype(np.float32))


@TRANSFORMS.register_module()
class RandomTimeWarp:
    """Sign at another pace: parts of the clip faster, others slower, and the whole of it longer or shorter.

    Modified keys: poses.

    Args:
        speed: the number of frames is divided by exp(u), |u| <= speed.
        warp: standard deviation of the logarithm of the local speed.
        crop: largest share of the clip cut off, start and end together.
        knots: number of points in time between which the local speed is interpolated.
        keep_length: give back as many frames as came.
        max_frames: never more frames than this; None: no limit.
        prob: probability, 0..1.
    """

    def __init__(
        self,
        speed: float = 0.3,
        warp: float = 0.3,
        crop: float = 0.1,
        knots: int = 5,
        keep_length: bool = False,
        max_frames: int | None = None,
        prob: float = 1.0,
    ) -> None:
        self.speed, self.warp, self.crop, self.knots = speed, warp, crop, knots
        self.keep_length, self.max_frames, self.prob = keep_length, max_frames, prob

    def __call__(self, results: dict) -> dict:
        """Resample ``results['poses']``."""
        rng, poses = results['rng'], results['poses']
        if rng.random() >= self.prob or len(poses) < 2:
            return results
        length = len(poses) if self.keep_length else max(2, round(len(poses) / np.exp(rng.uniform(-1, 1) * self.speed)))
        length = min(length, self.max_frames or length)
        pace = np.exp(self.warp * smooth_curve(rng, length - 1, self.knots))
        path = np.concatenate([[0.0], np.cumsum(pace)])
        cut = rng.uniform(0, self.crop) * (len(poses) - 1)
        start = rng.uniform(0, cut)
        position = start + path / path[-1] * (len(poses) - 1 - cut)
        results['poses'] = resample(poses, position)
        return keep_hands_in_step(results, position)


@TRANSFORMS.register_module()
class RandomDropFrames:
    """Lose frames as a slow camera or a stuttering stream does: random frames go, or the frame before them stays.

    Modified keys: poses. At least two frames remain.

    Args:
        share: largest share of frames lost, 0..1.
        repeat: put the last good frame in the place of a lost one, so that the length stays.
        prob: probability, 0..1.
    """

    def __init__(self, share: float = 0.2, repeat: bool = False, prob: float = 0.5) -> None:
        self.share, self.repeat, self.prob = share, repeat, prob

    def __call__(self, results: dict) -> dict:
        """Lose frames of ``results['poses']``."""
        rng, poses = results['rng'], results['poses']
        if rng.random() >= self.prob or len(poses) < 3:
            return results
        kept = rng.random(len(poses)) >= rng.uniform(0, self.share)
        kept[[0, -1]] = True
        frames = np.flatnonzero(kept)
        if self.repeat:
            frames = np.maximum.accumulate(np.where(kept, np.arange(len(poses)), 0))
        results['poses'] = poses.select(frames)
        return keep_hands_in_step(results, frames)


@TRANSFORMS.register_module()
class RandomDropHands:
    """Lose a hand as a detector does: all its points missing for a stretch of frames, or in frames here and there.

    Modified keys: poses (scores and keypoints become 0).

    Args:
        span: largest length of the stretch, as a share of the clip.
        scattered: largest share of single frames in which the hand is lost besides.
        prob: probability, 0..1; per hand.
    """

    def __init__(self, span: float = 0.4, scattered: float = 0.1, prob: float = 0.2) -> None:
        self.span, self.scattered, self.prob = span, scattered, prob

    def __call__(self, results: dict) -> dict:
        """Lose hands of ``results['poses']``."""
        rng, poses = results['rng'], results['poses']
        lost = np.zeros(poses.scores.shape, dtype=bool)
        frames = np.arange(len(poses))
        for hand in (LEFT_HAND, RIGHT_HAND):
            if rng.random() >= self.prob:
                continue
            span = rng.uniform(0, self.span) * len(poses)
            start = rng.uniform(-span, len(poses))
            gone = (frames >= start) & (frames < start + span)
            gone |= rng.random(len(poses)) < rng.uniform(0, self.scattered)
            lost[:, hand] = gone[:, None]
        return drop(results, lost)


@TRANSFORMS.register_module()
class RandomDropPoints:
    """Lose single points: elbows, wrists, shoulders' neighbours, finger joints, each for the whole clip or per frame.

    Modified keys: poses (scores and keypoints become 0).

    Args:
        clip_prob: probability that a point is missing throughout the clip.
        frame_prob: probability that a point is missing in a frame.
        arm_prob: probability, per side, that elbow and wrist are missing throughout (an arm outside the frame).
    """

    def __init__(self, clip_prob: float = 0.02, frame_prob: float = 0.02, arm_prob: float = 0.1) -> None:
        self.clip_prob, self.frame_prob, self.arm_prob = clip_prob, frame_prob, arm_prob

    def __call__(self, results: dict) -> dict:
        """Lose points of ``results['poses']``."""
        rng, shape = results['rng'], results['poses'].scores.shape
        lost = rng.random(shape, dtype=np.float32) < self.frame_prob
        lost |= rng.random(shape[1], dtype=np.float32) < self.clip_prob
        for _, elbow, wrist, _ in ARMS:
            if rng.random() < self.arm_prob:
                lost[:, [elbow, wrist]] = True
        lost[:, [LEFT_HAND.start, RIGHT_HAND.start]] = False  # the hand's origin: without it there is no hand
        return drop(results, lost)


def drop(results: dict, lost: np.ndarray) -> dict:
    """Make points missing: ``lost`` bool [T, 133] become (0, 0) with score 0 in ``results['poses']``."""
    poses = results['poses']
    if lost.any():
        results['poses'] = replace(
            poses,
            keypoints=np.where(lost[..., None], np.float32(0), poses.keypoints),
            scores=np.where(lost, np.float32(0), poses.scores),
        )
    return results

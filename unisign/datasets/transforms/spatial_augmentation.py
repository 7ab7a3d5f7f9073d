"""Random changes of the signer and the camera: where the keypoints are, with time left alone.

What a model must not learn from a few signers: their build, where the camera stood, which hand they prefer, how well
the detector saw them. Each transform changes one of these, for a whole clip at a time, before ``NormalizeParts``.
Randomness comes from ``results['rng']`` only; missing points (score 0) stay missing and shapes stay. Crops of the hands
(``LoadHandCrops``) are left as they are: they show the hand as it was, at the keypoints as they were. Only mirroring
takes them along.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from unisign.datasets.transforms.hand_pictures import mirror_hands
from unisign.registry import TRANSFORMS
from unisign.structures import KEYPOINT_MIRROR, Poses
from unisign.structures.keypoint_layout import FACE_START, LEFT_HAND_START, RIGHT_HAND_START

LEFT_HAND = slice(LEFT_HAND_START, RIGHT_HAND_START)
RIGHT_HAND = slice(RIGHT_HAND_START, RIGHT_HAND_START + 21)
HEAD = np.r_[0:5, FACE_START:LEFT_HAND_START]
# (shoulder, elbow, wrist, hand) of either side.
ARMS = ((5, 7, 9, LEFT_HAND), (6, 8, 10, RIGHT_HAND))
MIRROR = np.array(KEYPOINT_MIRROR)
MISSING = 0.0


def aspect_ratio(poses: Poses) -> float:
    """Return frame width over height, 1 where it is unknown: x times this is in units of the frame height."""
    return poses.frame_size[0] / poses.frame_size[1] if poses.frame_size else 1.0


def mean_position(keypoints: np.ndarray, scores: np.ndarray) -> np.ndarray | None:
    """Return the mean [2] of the points that are there (score above 0), None if there are none."""
    seen = (scores > MISSING).astype(np.float32)
    count = seen.sum()
    return np.tensordot(seen, keypoints, seen.ndim) / count if count else None


def shoulder_width(poses: Poses) -> float:
    """Return the median distance of the shoulders, in frame units; 0.25 in a clip that never shows both."""
    both = (poses.scores[:, 5:7] > MISSING).all(axis=1)
    if not both.any():
        return 0.25
    return float(np.median(np.linalg.norm(poses.keypoints[both, 5] - poses.keypoints[both, 6], axis=1)))


def smooth_curve(rng: np.random.Generator, num_frames: int, knots: int, size: Sequence[int] = ()) -> np.ndarray:
    """Return a random curve float32 [num_frames, *size], normal with unit deviation at ``knots`` evenly spaced knots.

    Between the knots it is the cosine-eased mix of its two neighbours, so it has no corners.
    """
    values = rng.standard_normal((max(knots, 2), *size), dtype=np.float32)
    position = np.linspace(0, len(values) - 1, num_frames, dtype=np.float32)
    before = np.minimum(position.astype(np.int64), len(values) - 2)
    weight = 0.5 - 0.5 * np.cos(np.pi * (position - before))
    weight = weight.reshape(-1, *[1] * len(size)).astype(np.float32)
    return values[before] * (1 - weight) + values[before + 1] * weight


def rotation_matrix(radians: float) -> np.ndarray:
    """Return the float32 [2, 2] matrix R with ``points @ R`` turned by the angle (clockwise on the screen)."""
    cos, sin = np.cos(radians), np.sin(radians)
    return np.array([[cos, sin], [-sin, cos]], dtype=np.float32)


def put_keypoints(results: dict, keypoints: np.ndarray) -> dict:
    """Put the new keypoints back; those of missing points stay as they were."""
    poses = results['poses']
    seen = poses.scores[..., None] > MISSING
    results['poses'] = replace(poses, keypoints=np.where(seen, keypoints, poses.keypoints).astype(np.float32))
    return results


@TRANSFORMS.register_module()
class RandomMirrorPoses:
    """Mirror the clip left to right: a left-handed signer becomes a right-handed one, and the other way round.

    x becomes 1 - x and every point changes place with its mirror image (``KEYPOINT_MIRROR``).
    Modified keys: poses, and hand_frames and hands where they are there: left and right change places, the crops are
    flipped, and x of the keypoints in them becomes 1 - x. Signs whose two mirror images mean different things should
    not be mirrored.

    Args:
        prob: probability, 0..1.
    """

    def __init__(self, prob: float = 0.5) -> None:
        self.prob = prob

    def __call__(self, results: dict) -> dict:
        """Mirror ``results['poses']``."""
        if results['rng'].random() >= self.prob:
            return results
        poses = results['poses']
        keypoints = poses.keypoints[:, MIRROR]
        scores = poses.scores[:, MIRROR]
        keypoints[..., 0] = np.where(scores > MISSING, 1 - keypoints[..., 0], keypoints[..., 0])
        results['poses'] = replace(poses, keypoints=keypoints, scores=scores)
        return mirror_hands(results)


@TRANSFORMS.register_module()
class RandomAffinePoses:
    """Move the camera: turn, stretch, shear, scale and shift the whole clip about the centre of its body.

    Angles are true on the screen where the frame size is known. Modified keys: poses.

    Args:
        rotation: largest turn either way, in degrees.
        stretch: x is multiplied and y divided by exp(u / 2), |u| <= stretch: an unknown aspect ratio, or a signer
            broader or slimmer.
        shear: largest shift of x per unit of y, and the other way round.
        scale: size is multiplied by exp(u), |u| <= scale. (``NormalizeParts`` removes it again.)
        translation: largest shift in units of the frame. (``NormalizeParts`` removes it again.)
        prob: probability, 0..1.
    """

    def __init__(
        self,
        rotation: float = 10.0,
        stretch: float = 0.3,
        shear: float = 0.1,
        scale: float = 0.0,
        translation: float = 0.0,
        prob: float = 1.0,
    ) -> None:
        self.rotation, self.stretch, self.shear = rotation, stretch, shear
        self.scale, self.translation, self.prob = scale, translation, prob

    def __call__(self, results: dict) -> dict:
        """Transform ``results['poses']``."""
        rng, poses = results['rng'], results['poses']
        centre = mean_position(poses.keypoints[:, 5:7], poses.scores[:, 5:7])
        if rng.random() >= self.prob or centre is None:
            return results
        turn, stretch, shear_x, shear_y, scale = rng.uniform(-1, 1, 5) * (
            np.deg2rad(self.rotation), self.stretch, self.shear, self.shear, self.scale,
        )  # fmt: skip
        aspect = np.array([aspect_ratio(poses), 1.0], dtype=np.float32)
        matrix = np.array([[1, shear_y], [shear_x, 1]], dtype=np.float32) @ rotation_matrix(turn)
        matrix *= np.exp(scale + np.array([stretch, -stretch], dtype=np.float32) / 2)
        matrix = aspect[:, None] * matrix / aspect
        shift = centre - centre @ matrix + rng.uniform(-1, 1, 2) * self.translation
        return put_keypoints(results, poses.keypoints @ matrix + shift.astype(np.float32))


@TRANSFORMS.register_module()
class RandomBodyProportions:
    """Give the signer another build: head, shoulders, arms and hands of other sizes.

    Each factor is exp(u) with |u| at most the given value, drawn once a clip. Arms are one chain: what moves the
    shoulder moves the elbow, what moves the elbow moves the wrist and the hand. Modified keys: poses.

    Args:
        head: size of the head about its centre, and its height above the shoulders.
        shoulders: width of the shoulders.
        arms: length of the upper arms and, drawn apart, of the forearms; the same on both sides.
        hands: size of the hands about the wrist; the same on both sides.
        prob: probability, 0..1.
    """

    def __init__(
        self, head: float = 0.2, shoulders: float = 0.15, arms: float = 0.15, hands: float = 0.2, prob: float = 1.0
    ) -> None:
        self.head, self.shoulders, self.arms, self.hands, self.prob = head, shoulders, arms, hands, prob

    def __call__(self, results: dict) -> dict:
        """Rebuild the signer of ``results['poses']``."""
        rng, poses = results['rng'], results['poses']
        old = poses.keypoints
        neck = mean_position(old[:, 5:7], poses.scores[:, 5:7])
        if rng.random() >= self.prob or neck is None:
            return results
        head, lift, shoulders, upper, fore, hands = np.exp(
            rng.uniform(-1, 1, 6) * (self.head, self.head, self.shoulders, self.arms, self.arms, self.hands)
        ).astype(np.float32)
        new = old.copy()
        centre = mean_position(old[:, :5], poses.scores[:, :5])
        if centre is not None:
            new[:, HEAD] = (old[:, HEAD] - centre) * head + neck + (centre - neck) * lift
        there = (poses.scores > MISSING).astype(np.float32)[..., None]
        middle = old[:, 5:7].mean(axis=1)
        for shoulder, elbow, wrist, hand in ARMS:
            moved = (shoulders - 1) * (old[:, shoulder] - middle) * there[:, 5] * there[:, 6]
            new[:, shoulder] += moved
            moved = moved + (upper - 1) * (old[:, elbow] - old[:, shoulder]) * there[:, elbow] * there[:, shoulder]
            new[:, elbow] += moved
            moved = moved + (fore - 1) * (old[:, wrist] - old[:, elbow]) * there[:, wrist] * there[:, elbow]
            new[:, wrist] += moved
            new[:, hand] += moved[:, None] + (hands - 1) * (old[:, hand] - old[:, hand.start, None])
        return put_keypoints(results, new)


@TRANSFORMS.register_module()
class RandomKeypointNoise:
    """Add a detector's errors: white noise per frame and slow wandering, per point.

    Modified keys: poses.

    Args:
        white: standard deviation of the noise of body and face that is new in every frame, in shoulder widths.
        slow: standard deviation of the noise of body and face that wanders, in shoulder widths.
        hand_factor: noise of the hands' points, relative to that of the body.
        knots: number of points in time between which the slow noise is interpolated.
        prob: probability, 0..1.
    """

    def __init__(
        self,
        white: float = 0.01,
        slow: float = 0.02,
        hand_factor: float = 0.5,
        knots: int = 4,
        prob: float = 1.0,
    ) -> None:
        self.white, self.slow, self.hand_factor, self.knots, self.prob = white, slow, hand_factor, knots, prob

    def __call__(self, results: dict) -> dict:
        """Disturb ``results['poses']``."""
        rng, poses = results['rng'], results['poses']
        if rng.random() >= self.prob:
            return results
        shape = poses.keypoints.shape
        noise = self.white * rng.standard_normal(shape, dtype=np.float32)
        noise += self.slow * smooth_curve(rng, len(poses), self.knots, shape[1:])
        noise[:, LEFT_HAND_START:] *= self.hand_factor
        return put_keypoints(results, poses.keypoints + noise * shoulder_width(poses))

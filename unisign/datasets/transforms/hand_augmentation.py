"""Random changes of the hands: where they are, how they are held, their fingers, and a hand that rests in view.

Like ``spatial_augmentation``: randomness from ``results['rng']`` only, for a whole clip at a time, before
``NormalizeParts``; shapes stay.
"""

from dataclasses import replace

import numpy as np

from unisign.datasets.transforms.spatial_augmentation import (
    ARMS,
    LEFT_HAND,
    MISSING,
    RIGHT_HAND,
    aspect_ratio,
    mean_position,
    put_keypoints,
    rotation_matrix,
    shoulder_width,
    smooth_curve,
)
from unisign.registry import TRANSFORMS
from unisign.structures import Poses

# Joints of the fingers: (thumb..little finger) x (base..tip), relative to the hand's first point, the wrist.
FINGERS = np.arange(1, 21).reshape(5, 4)
# A relaxed hand in units of the palm (wrist to middle finger), fingers along +y. Where each finger starts, in polar
# coordinates (degrees from the middle finger towards the little finger, distance from the wrist), and its three bones.
RELAXED_ANGLES = np.deg2rad(np.array([-45, -14, 0, 11, 22], dtype=np.float32))
RELAXED_PALM = np.array([0.45, 0.98, 1.0, 0.92, 0.85], dtype=np.float32)
RELAXED_BONES = np.array([0.38, 0.26, 0.2], dtype=np.float32)


def relaxed_hand(rng: np.random.Generator) -> np.ndarray:
    """Return a random hand at rest, float32 [21, 2], wrist at the origin, hanging down, about one palm a unit.

    Fingers are curled (shortened on the screen) and spread by random amounts; the hand is turned by up to 60 degrees.
    """
    angles = RELAXED_ANGLES + rng.normal(0, 0.1, 5)
    lengths = np.concatenate([RELAXED_PALM[:, None], rng.uniform(0.2, 1, (5, 1)) * RELAXED_BONES], axis=1)
    directions = angles[:, None] * np.array([1.0, 1.0, 0.8, 0.6])
    bones = np.stack([np.sin(directions), np.cos(directions)], axis=-1) * lengths[..., None]
    hand = np.concatenate([np.zeros((1, 2)), bones.cumsum(axis=1).reshape(20, 2)])
    hand[:, 0] *= rng.choice([-1.0, 1.0]) * rng.uniform(0.5, 1)  # seen from the front, the back, or the side
    return (hand @ rotation_matrix(rng.uniform(-np.pi / 3, np.pi / 3))).astype(np.float32)


@TRANSFORMS.register_module()
class RandomIdleHand:
    """Let the detector find a hand that rests: in the lap, on the table, hanging at the side.

    In clips that show one hand only, its absence may be all a model looks at to tell a one-handed sign; of a signer
    who sits farther away the idle hand is seen, too. A hand that is missing in nearly the whole clip is put in as a
    relaxed hand, nearly still, below its shoulder, throughout or for a stretch of time; the body's wrist goes with it.
    Modified keys: poses (also the scores of that hand and wrist).

    Args:
        prob: probability, 0..1; per missing hand.
        height: range below the shoulders, in shoulder widths.
        side: largest distance from its shoulder to either side, in shoulder widths.
        drift: standard deviation of its movement, in shoulder widths.
        seen: share of frames up to which a hand still counts as missing.
    """

    def __init__(
        self,
        prob: float = 0.3,
        height: tuple[float, float] = (1.0, 2.8),
        side: float = 0.5,
        drift: float = 0.03,
        seen: float = 0.1,
    ) -> None:
        self.prob, self.height, self.side, self.drift, self.seen = prob, height, side, drift, seen

    def __call__(self, results: dict) -> dict:
        """Put idle hands into ``results['poses']``."""
        rng, poses = results['rng'], results['poses']
        present = (poses.scores[:, [LEFT_HAND.start, RIGHT_HAND.start]] > MISSING).mean(axis=0)
        missing = present <= self.seen
        if missing.all():  # nothing is signed here that a second hand could accompany
            return results
        for (shoulder, _, wrist, hand), is_missing in zip(ARMS, missing, strict=True):
            middle = mean_position(poses.keypoints[:, shoulder], poses.scores[:, shoulder])
            if is_missing and middle is not None and rng.random() < self.prob:
                results['poses'] = self._add(results['poses'], middle, wrist, hand, rng)
        return results

    def _add(self, poses: Poses, shoulder: np.ndarray, wrist: int, hand: slice, rng: np.random.Generator) -> Poses:
        keypoints, scores = poses.keypoints.copy(), poses.scores.copy()
        num_frames, unit = len(poses), shoulder_width(poses)
        offset = np.array([rng.uniform(-1, 1) * self.side, rng.uniform(*self.height)])
        root = shoulder + unit * (offset + self.drift * smooth_curve(rng, num_frames, 4, (2,)))
        frames = np.arange(num_frames)
        if rng.random() < 0.5:  # seen for a stretch only
            start, end = np.sort(rng.uniform(-0.2, 1.2, 2)) * num_frames
            frames = frames[(frames >= start) & (frames < end)]
        shape = relaxed_hand(rng) * unit * rng.uniform(0.22, 0.4) / (aspect_ratio(poses), 1)
        keypoints[frames, hand] = root[frames, None] + shape
        keypoints[frames, wrist] = root[frames]
        scores[frames, hand] = scores[frames, wrist] = 1.0
        return replace(poses, keypoints=keypoints.astype(np.float32), scores=scores)


@TRANSFORMS.register_module()
class RandomHandPlacement:
    """Sign the same sign a little elsewhere: each hand shifted, drifting through the clip, its wrist and elbow with it.

    Modified keys: poses.

    Args:
        shift: standard deviation of the shift of the whole clip, in shoulder widths.
        drift: standard deviation of the part that changes through the clip, in shoulder widths.
        knots: number of points in time between which the drift is interpolated.
        prob: probability, 0..1; per hand.
    """

    def __init__(self, shift: float = 0.1, drift: float = 0.05, knots: int = 4, prob: float = 1.0) -> None:
        self.shift, self.drift, self.knots, self.prob = shift, drift, knots, prob

    def __call__(self, results: dict) -> dict:
        """Shift the hands of ``results['poses']``."""
        rng, poses = results['rng'], results['poses']
        unit = shoulder_width(poses)
        new = poses.keypoints.copy()
        for _, elbow, wrist, hand in ARMS:
            if rng.random() >= self.prob:
                continue
            moved = self.shift * rng.standard_normal(2) + self.drift * smooth_curve(rng, len(poses), self.knots, (2,))
            moved = (moved * unit).astype(np.float32)
            new[:, elbow] += moved / 2
            new[:, wrist] += moved
            new[:, hand] += moved[:, None]
        return put_keypoints(results, new)


@TRANSFORMS.register_module()
class RandomHandRotation:
    """Hold the hands differently: each turned about its wrist on the screen, and tilted away from the camera.

    A tilt by t about a random axis on the screen shortens what lies across that axis by cos t. Modified keys: poses.

    Args:
        rotation: largest turn either way, in degrees.
        tilt: largest tilt, in degrees, 0..90.
        prob: probability, 0..1; per hand.
    """

    def __init__(self, rotation: float = 15.0, tilt: float = 30.0, prob: float = 1.0) -> None:
        self.rotation, self.tilt, self.prob = rotation, tilt, prob

    def __call__(self, results: dict) -> dict:
        """Turn the hands of ``results['poses']``."""
        rng, poses = results['rng'], results['poses']
        new = poses.keypoints.copy()
        aspect = np.array([aspect_ratio(poses), 1.0], dtype=np.float32)
        for hand in (LEFT_HAND, RIGHT_HAND):
            if rng.random() >= self.prob:
                continue
            turn, tilt = np.deg2rad(rng.uniform(-1, 1, 2) * (self.rotation, self.tilt))
            axis = rotation_matrix(rng.uniform(0, np.pi))
            shorten = axis @ np.diag([1.0, np.cos(tilt)]).astype(np.float32) @ axis.T
            matrix = aspect[:, None] * (shorten @ rotation_matrix(turn)) / aspect
            root = new[:, hand.start, None]
            new[:, hand] = (new[:, hand] - root) @ matrix + root
        return put_keypoints(results, new)


@TRANSFORMS.register_module()
class RandomFingerPoses:
    """Bend the hand shape a little: each finger turned about its base and each bone lengthened or shortened.

    The changes hold for the clip. Modified keys: poses.

    Args:
        rotation: standard deviation of each finger's turn, in degrees.
        length: standard deviation of the logarithm of each bone's length.
        prob: probability, 0..1; per hand.
    """

    def __init__(self, rotation: float = 5.0, length: float = 0.08, prob: float = 1.0) -> None:
        self.rotation, self.length, self.prob = rotation, length, prob

    def __call__(self, results: dict) -> dict:
        """Bend the fingers of ``results['poses']``."""
        rng, poses = results['rng'], results['poses']
        new = poses.keypoints.copy()
        for hand in (LEFT_HAND, RIGHT_HAND):
            if rng.random() >= self.prob:
                continue
            old = poses.keypoints[:, hand]
            fingers = old[:, FINGERS]  # [T, 5, 4, 2]
            bones = np.diff(fingers, axis=2, prepend=np.broadcast_to(old[:, :1, None], (len(old), 5, 1, 2)))
            bones *= np.exp(self.length * rng.standard_normal((5, 4, 1), dtype=np.float32))
            turns = np.deg2rad(self.rotation) * rng.standard_normal(5, dtype=np.float32)
            cos, sin = np.cos(turns)[:, None], np.sin(turns)[:, None]
            x, y = bones[..., 0], bones[..., 1]
            bones = np.stack([x * cos - y * sin, x * sin + y * cos], axis=-1)
            new[:, hand.start + FINGERS] = old[:, :1, None] + bones.cumsum(axis=2)
        return put_keypoints(results, new)

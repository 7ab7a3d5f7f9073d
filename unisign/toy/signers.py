"""The signers of the toy corpus: who differs how in build, speed, handedness, habit and camera."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

# Lowest and highest value of each trait; signers are spread evenly over every range.
_RANGES: dict[str, tuple[float, float]] = {
    'shoulder_width': (0.90, 1.12),
    'trunk_length': (0.92, 1.08),
    'upper_arm': (0.80, 0.94),
    'forearm': (0.72, 0.84),
    'palm_length': (0.265, 0.325),
    'head_size': (1.04, 1.20),
    'neck_length': (0.94, 1.08),
    'speed': (0.84, 1.20),
    'amplitude': (0.78, 1.22),
    'laxness': (0.0, 0.20),
    'mouthing': (0.86, 1.15),
    'idle_height': (0.0, 0.7),
    'elbow_lift': (-0.25, 0.25),
    'camera_distance': (5.0, 8.5),
    'camera_scale': (0.90, 1.08),
    'camera_x': (-0.05, 0.05),
    'camera_y': (-0.03, 0.03),
    'yaw': (-14.0, 14.0),
    'pitch': (-5.0, 5.0),
    'roll': (-3.5, 3.5),
}
_PLACE_SPREAD = 0.055  # shoulder widths: habitual offset of all places, and of each place
_TILT_SPREAD = 7.0  # degrees: habitual tilt of the hand
RESTS = ('rest_lap', 'rest_front', 'rest_side')


@dataclass(frozen=True)
class Signer:
    """One signer.

    Attributes:
        name: ``signer01`` ..
        left_handed: whether the left hand is the dominant one (everything is mirrored).
        seed: of the habits that are drawn per place.
        shoulder_width, trunk_length, head_size, neck_length: relative to the average signer.
        upper_arm, forearm, palm_length: lengths in shoulder widths of the average signer.
        speed: signs per time, relative.
        amplitude: size of movements, relative; mouthing: of mouth movements.
        laxness: how far handshapes stay away from their ideal, 0..1.
        idle_height: how high the idle hand waits between rest (0) and the signing space (1).
        elbow_lift: how far the elbows are held out.
        camera_distance: in shoulder widths; camera_scale: relative size in the frame; camera_x, camera_y: offset as a
            share of the frame; yaw, pitch, roll: degrees by which the camera sees the signer turned.
        place_offset: habitual offset [3] of all places; tilt: habitual rotation vector [3] of the hand, radians.
        rest: name of the location where the hands rest.
        skin, shirt, hair, background: RGB colours 0..255.
    """

    name: str
    left_handed: bool
    seed: int
    shoulder_width: float
    trunk_length: float
    upper_arm: float
    forearm: float
    palm_length: float
    head_size: float
    neck_length: float
    speed: float
    amplitude: float
    laxness: float
    mouthing: float
    idle_height: float
    elbow_lift: float
    camera_distance: float
    camera_scale: float
    camera_x: float
    camera_y: float
    yaw: float
    pitch: float
    roll: float
    place_offset: tuple[float, float, float]
    tilt: tuple[float, float, float]
    rest: str
    skin: tuple[int, int, int]
    shirt: tuple[int, int, int]
    hair: tuple[int, int, int]
    background: tuple[int, int, int]

    def habit_at(self, location: str) -> np.ndarray:
        """Return this signer's own offset [3] from the place ``location``, in shoulder widths."""
        rng = np.random.default_rng([self.seed, *location.encode()])
        return np.asarray(self.place_offset) + rng.normal(0.0, _PLACE_SPREAD, 3)


def make_signers(count: int, left_handed: Sequence[int], seed: int) -> list[Signer]:
    """Return ``count`` signers, spread evenly over every trait (a Latin hypercube).

    Args:
        count: how many.
        left_handed: indices of the left-handed ones.
        seed: of the draw.
    """
    rng = np.random.default_rng([seed, 1])
    traits = {}
    for name, (low, high) in _RANGES.items():
        places = (rng.permutation(count) + rng.random(count)) / count
        traits[name] = low + places * (high - low)
    return [
        Signer(
            name=f'signer{index + 1:02d}',
            left_handed=index in left_handed,
            seed=int(rng.integers(2**31)),
            **dict[str, Any]({name: float(values[index]) for name, values in traits.items()}),
            place_offset=_triple(rng.normal(0.0, _PLACE_SPREAD, 3)),
            tilt=_triple(np.radians(rng.normal(0.0, _TILT_SPREAD, 3))),
            rest=RESTS[index % len(RESTS)],
            **_draw_colours(rng),
        )
        for index in range(count)
    ]


def _triple(values: np.ndarray) -> tuple[float, float, float]:
    x, y, z = values.tolist()
    return x, y, z


def _draw_colours(rng: np.random.Generator) -> dict[str, Any]:
    lightness = rng.random()
    skin = np.array([120, 78, 56]) * (1 - lightness) + np.array([244, 208, 180]) * lightness
    shirt = np.array([(38, 52, 96), (36, 84, 74), (92, 34, 52), (44, 44, 48), (64, 48, 98), (24, 92, 124)])
    hair = np.array([(32, 24, 20), (70, 44, 26), (120, 84, 48), (90, 90, 92)])
    background = rng.integers(150, 225, 3)
    return {
        'skin': tuple(int(value) for value in skin),
        'shirt': tuple(int(value) for value in shirt[rng.integers(len(shirt))]),
        'hair': tuple(int(value) for value in hair[rng.integers(len(hair))]),
        'background': tuple(int(value) for value in background),
    }


TRAITS: tuple[str, ...] = tuple(field.name for field in fields(Signer) if field.name in _RANGES)

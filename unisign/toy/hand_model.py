"""A hand of 21 points: handshapes as joint angles, and the points they give.

Hand axes: first to the little finger's side, second along the palm towards the fingers, third out of the palm; the
wrist is the origin; the unit is the palm's length (wrist to the middle finger's knuckle).
"""

import numpy as np

from unisign.toy.phonology import HANDSHAPES, THUMB_POSTURES
from unisign.toy.rotations import normalize

FLEXION, SPREAD, THUMB = slice(0, 8), 8, slice(9, 18)
POSTURE_SIZE = 18

# Order of the fingers: forefinger, middle, ring, pinky.
_KNUCKLES = np.array([[-0.27, 0.97, 0.0], [-0.02, 1.0, -0.02], [0.20, 0.94, -0.01], [0.40, 0.82, 0.02]])
_BONES = np.array([[0.46, 0.28, 0.22], [0.52, 0.32, 0.23], [0.47, 0.30, 0.23], [0.36, 0.21, 0.20]])
_FAN = np.array([1.0, 0.1, -0.8, -1.75])  # how far each finger moves when the fingers spread
_THUMB_ROOT = np.array([-0.27, 0.24, 0.08])
_THUMB_BONES = np.array([0.42, 0.34, 0.28])
_LAST_JOINT = 0.65  # the last joint bends by this share of the middle joint

PALM_CENTRE = np.array([0.05, 0.72, 0.1])


def posture_of(handshape: str) -> np.ndarray:
    """Return the posture [18] of a handshape: 8 flexions and 1 spread in radians, 3 thumb bone directions."""
    shape = HANDSHAPES[handshape]
    thumb = np.array(THUMB_POSTURES[shape.thumb]) * (-1.0, 1.0, 1.0)  # the table counts towards the thumb
    return np.concatenate([np.radians(shape.flexion).ravel(), [np.radians(shape.spread)], normalize(thumb).ravel()])


def hand_points(postures: np.ndarray) -> np.ndarray:
    """Return points [T, 21, 3] in hand axes of ``postures`` [T, 18]."""
    flexion = postures[:, FLEXION].reshape(-1, 4, 2)
    bends = np.stack([flexion[..., 0], flexion[..., 1], _LAST_JOINT * flexion[..., 1]], axis=-1).cumsum(axis=-1)
    # a bent knuckle leaves no room to spread
    fan = postures[:, SPREAD, None] * _FAN * np.clip(np.cos(flexion[..., 0]), 0, 1)
    ahead = np.stack([-np.sin(fan), np.cos(fan), np.zeros_like(fan)], axis=-1)[:, :, None]
    directions = np.cos(bends)[..., None] * ahead + np.sin(bends)[..., None] * np.array([0.0, 0.0, 1.0])
    joints = _KNUCKLES[None, :, None] + (_BONES[None, :, :, None] * directions).cumsum(axis=2)
    fingers = np.concatenate([np.broadcast_to(_KNUCKLES[None, :, None], joints[:, :, :1].shape), joints], axis=2)

    thumb = normalize(postures[:, THUMB].reshape(-1, 3, 3)) * _THUMB_BONES[None, :, None]
    thumb = np.concatenate([np.broadcast_to(_THUMB_ROOT, (len(postures), 1, 3)), thumb], axis=1).cumsum(axis=1)
    wrist = np.zeros((len(postures), 1, 3))
    return np.concatenate([wrist, thumb, fingers.reshape(len(postures), 16, 3)], axis=1)

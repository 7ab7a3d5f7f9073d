"""A face of 68 points (iBUG order) with a mouth, brows and lids that move.

Head axes: x to the image's right, y down, z towards the camera; the nose tip is the origin; the unit is a shoulder
width of the average signer (a face is about 0.48 wide).
"""

import numpy as np

_NECK_JOINT = np.array([0.0, 0.24, -0.30])  # what the head turns about
_MOUTH_CENTRE = 0.150
EARS = np.array([[0.235, -0.10, -0.34], [-0.235, -0.10, -0.34]])  # left, right
EYES = np.array([[0.105, -0.155, -0.10], [-0.105, -0.155, -0.10]])


def face_points(mouth: np.ndarray, brows: np.ndarray, lids: np.ndarray) -> np.ndarray:
    """Return points [T, 68, 3] in head axes.

    Args:
        mouth: [T, 4]: opening, width, lift of the corners (lengths), jaw drop (0..1).
        brows: [T], raised (1) to lowered (-1).
        lids: [T], open (1) to closed (0).
    """
    frames = len(mouth)
    points = np.zeros((frames, 68, 3))
    points[:, :17] = _jaw(mouth[:, 3])
    points[:, 17:27] = _brows(brows)
    points[:, 27:31] = np.stack([np.zeros(4), np.linspace(-0.15, 0.0, 4), np.linspace(0.02, 0.10, 4)], axis=-1)
    points[:, 31:36] = np.stack([np.linspace(-0.05, 0.05, 5), [0.03, 0.037, 0.042, 0.037, 0.03], np.full(5, 0.04)], -1)
    points[:, 36:42], points[:, 42:48] = _eye(-1, lids), _eye(1, lids)
    points[:, 48:60] = _lips(mouth, 12, thickness=0.026)
    points[:, 60:68] = _lips(mouth, 8, thickness=0.0)
    # the nose tip is the origin
    return points - points[:, 30:31]


def turn_head(points: np.ndarray, matrices: np.ndarray) -> np.ndarray:
    """Return ``points`` [T, N, 3] in head axes after the head was turned by ``matrices`` [T, 3, 3]."""
    return np.einsum('tij,tnj->tni', matrices, points - _NECK_JOINT) + _NECK_JOINT


def _jaw(drop: np.ndarray) -> np.ndarray:
    angle = np.pi * np.arange(17) / 16
    low = np.sin(angle)
    x = -0.24 * np.cos(angle) * (1 - 0.12 * low**2)
    y = -0.12 + 0.43 * low**0.9 + drop[:, None] * 0.075 * low**3
    return np.stack(np.broadcast_arrays(x, y, -0.24 + 0.22 * low), axis=-1)


def _brows(raised: np.ndarray) -> np.ndarray:
    x = np.linspace(0.045, 0.19, 5)
    arch = -0.225 - 0.03 * np.sin(np.linspace(0.3, 2.8, 5))
    inner = np.linspace(1.0, 0.3, 5)  # lowered brows are pulled together at the inner end
    y = arch - 0.035 * raised[:, None] * np.where(raised[:, None] < 0, inner, 1.0)
    right_of_image = np.stack(np.broadcast_arrays(x, y, 0.01), axis=-1)
    left_of_image = right_of_image[:, ::-1] * (-1.0, 1.0, 1.0)
    return np.concatenate([left_of_image, right_of_image], axis=1)


def _eye(side: int, lids: np.ndarray) -> np.ndarray:
    """Return [T, 6, 3], clockwise in the image from the corner at its left."""
    angle = np.pi * (1 + np.array([0.0, 1 / 3, 2 / 3, 1.0, 4 / 3, 5 / 3]))
    x = side * 0.105 + 0.042 * np.cos(angle)
    y = -0.155 + 0.024 * np.sin(angle) * lids[:, None]
    return np.stack(np.broadcast_arrays(x, y, 0.0), axis=-1)


def _lips(mouth: np.ndarray, count: int, thickness: float) -> np.ndarray:
    """Return a closed line of lip points [T, count, 3], clockwise from the corner at the image's left."""
    opening, width, corners, _ = (column[:, None] for column in mouth.T)
    angle = np.pi * (1 + 2 * np.arange(count) / count)
    across, down = np.cos(angle), np.sin(angle)
    x = (width / 2 + 0.7 * thickness) * across
    # the lower lip moves with the jaw, so it opens further than the upper one
    reach = np.where(down < 0, 0.35, 0.65) * opening + thickness
    y = _MOUTH_CENTRE + reach * down - corners * (across**2 - 0.4)
    return np.stack(np.broadcast_arrays(x, y, 0.05 - 0.05 * across**2), axis=-1)

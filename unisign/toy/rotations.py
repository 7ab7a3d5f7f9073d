"""Rotations of hands and heads, vectorised over frames: unit quaternions (w, x, y, z) and 3x3 matrices."""

import numpy as np


def normalize(vectors: np.ndarray) -> np.ndarray:
    """Return ``vectors`` [..., N] scaled to length 1."""
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def axis_angle(axis: tuple[float, float, float] | np.ndarray, angle: np.ndarray | float) -> np.ndarray:
    """Return quaternions [..., 4] that turn by ``angle`` radians [...] about the unit vector ``axis`` [3]."""
    half = np.asarray(angle, dtype=np.float64)[..., None] / 2
    return np.concatenate([np.cos(half), np.sin(half) * np.asarray(axis, dtype=np.float64)], axis=-1)


def rotation_vector(vector: np.ndarray) -> np.ndarray:
    """Return the quaternion [4] of a rotation vector [3] (axis times radians)."""
    angle = float(np.linalg.norm(vector))
    return np.array([1.0, 0.0, 0.0, 0.0]) if angle < 1e-9 else axis_angle(np.asarray(vector) / angle, angle)


def multiply(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the quaternions [..., 4] that turn by ``second``, then by ``first``."""
    first, second = np.broadcast_arrays(first, second)
    w, v = first[..., :1], first[..., 1:]
    other_w, other_v = second[..., :1], second[..., 1:]
    scalar = w * other_w - (v * other_v).sum(axis=-1, keepdims=True)
    return np.concatenate([scalar, w * other_v + other_w * v + np.cross(v, other_v)], axis=-1)


def to_matrix(quaternions: np.ndarray) -> np.ndarray:
    """Return rotation matrices [..., 3, 3] of unit quaternions [..., 4]."""
    w, x, y, z = np.moveaxis(quaternions, -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def hand_quaternion(fingers: tuple[float, float, float], palm: tuple[float, float, float]) -> np.ndarray:
    """Return the quaternion [4] of a hand.

    Args:
        fingers: where straight fingers point; becomes the hand's second axis.
        palm: where the palm faces; made perpendicular to ``fingers``, becomes the third axis. The first axis points
            to the little finger's side.
    """
    along = normalize(np.asarray(fingers, dtype=np.float64))
    facing = np.asarray(palm, dtype=np.float64)
    facing = normalize(facing - facing @ along * along)
    matrix = np.stack([np.cross(along, facing), along, facing], axis=1)
    # the four ways to read a quaternion off a matrix; the largest component is the numerically safe one
    trace = np.trace(matrix)
    squares = np.array([1 + trace, *(1 + 2 * np.diag(matrix) - trace)]) / 4
    largest = int(squares.argmax())
    products = np.zeros((4, 4))
    skew = [matrix[2, 1] - matrix[1, 2], matrix[0, 2] - matrix[2, 0], matrix[1, 0] - matrix[0, 1]]
    products[0, 1:] = products[1:, 0] = np.array(skew) / 4
    for i, j in ((0, 1), (0, 2), (1, 2)):
        products[i + 1, j + 1] = products[j + 1, i + 1] = (matrix[i, j] + matrix[j, i]) / 4
    products[np.arange(4), np.arange(4)] = squares
    return products[largest] / np.sqrt(squares[largest])


def slerp(start: np.ndarray, end: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Return quaternions [T, 4] on the shorter arc from ``start`` [4] to ``end`` [4] at ``share`` [T] in 0..1."""
    cosine = float(start @ end)
    if cosine < 0:
        end, cosine = -end, -cosine
    share = share[:, None]
    if cosine > 0.9995:  # nearly equal: the arc is a line
        return normalize(start + share * (end - start))
    angle = np.arccos(cosine)
    return (np.sin((1 - share) * angle) * start + np.sin(share * angle) * end) / np.sin(angle)

"""The camera of the toy corpus: where each point of the signer falls in the picture."""

from dataclasses import dataclass

import numpy as np

from unisign.toy.rotations import axis_angle, multiply, to_matrix
from unisign.toy.signers import Signer

FRAME_SIZE = (224, 224)
FRAME_RATE = 15
_SHOULDER_WIDTHS_SEEN = 2.9
_CENTRE_HEIGHT = 0.17  # shoulder widths below the shoulders: the middle of the picture


@dataclass(frozen=True)
class Projection:
    """A clip as the camera sees it.

    Attributes:
        points: [T, 133, 3]; x and y in pixels (0 is the frame's edge), z towards the camera in shoulder widths.
        unit: pixels per shoulder width of the average signer.
        palm_length: of this signer, pixels.
    """

    points: np.ndarray
    unit: float
    palm_length: float


def project(points: np.ndarray, signer: Signer, rng: np.random.Generator) -> Projection:
    """Return the view of ``points`` [T, 133, 3], which differs a little from one recording to the next."""
    scale_jitter, x_jitter, y_jitter = rng.normal(0.0, (0.02, 0.012, 0.010))
    yaw, pitch, roll = np.radians(np.array([signer.yaw, signer.pitch, signer.roll]) + rng.normal(0.0, (2.0, 1.0, 0.8)))
    turn = multiply(
        axis_angle((0.0, 0.0, 1.0), roll),
        multiply(axis_angle((1.0, 0.0, 0.0), pitch), axis_angle((0.0, 1.0, 0.0), yaw)),
    )
    centre = np.array([0.0, _CENTRE_HEIGHT, 0.0])
    seen = (points - centre) @ to_matrix(turn).T
    width, height = FRAME_SIZE
    unit = width / _SHOULDER_WIDTHS_SEEN * signer.camera_scale * (1 + scale_jitter)
    nearness = signer.camera_distance / (signer.camera_distance - seen[..., 2])
    x = width * (0.5 + signer.camera_x + x_jitter) + unit * nearness * seen[..., 0]
    y = height * (0.5 + signer.camera_y + y_jitter) + unit * nearness * seen[..., 1]
    return Projection(np.stack([x, y, seen[..., 2]], axis=-1), unit, unit * signer.palm_length)

"""Drawing the signer: what the camera's pixels show, from the true points (never from the detector's)."""

import cv2
import numpy as np

from unisign.structures.keypoint_layout import FACE_START, LEFT_HAND_START, RIGHT_HAND_START
from unisign.toy.camera import FRAME_SIZE, Projection
from unisign.toy.signers import Signer

_SUPERSAMPLING = 2
_SHIFT = 3  # OpenCV draws at 1/8 pixel
_LIPS, _INNER_LIPS, _EYES = slice(48, 60), slice(60, 68), (slice(36, 42), slice(42, 48))
_BROWS, _JAW, _NOSE = (slice(17, 22), slice(22, 27)), slice(0, 17), slice(27, 31)
_FINGERS = tuple((0 if finger == 0 else 4 * finger + 1, 4 * finger + 5) for finger in range(5))
_PALM = (1, 5, 9, 13, 17)
_FINGER_WIDTHS = (0.27, 0.235, 0.245, 0.23, 0.20)  # thumb to pinky, in palm lengths

Colour = tuple[float, float, float]


def draw_clip(view: Projection, signer: Signer) -> np.ndarray:
    """Return the clip's frames, uint8 RGB [T, H, W, 3].

    Args:
        view: the true points as the camera sees them.
        signer: for the colours.
    """
    background = _background(signer)
    return np.stack([_draw_frame(points, view, signer, background) for points in view.points])


class _Canvas:
    """A supersampled picture; points are given in pixels of the final frame."""

    def __init__(self, background: np.ndarray) -> None:
        self.image = background.copy()

    def _fixed(self, points: np.ndarray) -> np.ndarray:
        # pixel centres lie at half pixels of the frame, at whole ones for OpenCV
        places = (np.asarray(points)[..., :2] * _SUPERSAMPLING - 0.5) * (1 << _SHIFT)
        return np.clip(np.round(places), -(2**20), 2**20).astype(np.int32)

    def fill(self, outline: np.ndarray, colour: Colour) -> None:
        """Fill the polygon ``outline`` [N, 2]."""
        cv2.fillPoly(self.image, [self._fixed(outline)], colour, cv2.LINE_8, _SHIFT)

    def stroke(self, line: np.ndarray, width: float, colour: Colour, closed: bool = False) -> None:
        """Draw the line [N, 2] with round ends, ``width`` pixels wide."""
        thickness = max(1, round(width * _SUPERSAMPLING))
        cv2.polylines(self.image, [self._fixed(line)], closed, colour, thickness, cv2.LINE_8, _SHIFT)

    def disc(self, centre: np.ndarray, radius: float, colour: Colour) -> None:
        """Fill a disc of ``radius`` pixels."""
        fixed_radius = round(radius * _SUPERSAMPLING * (1 << _SHIFT))
        cv2.circle(self.image, tuple(self._fixed(centre).tolist()), fixed_radius, colour, -1, cv2.LINE_8, _SHIFT)

    def finish(self) -> np.ndarray:
        return cv2.resize(self.image, FRAME_SIZE, interpolation=cv2.INTER_AREA)


def _background(signer: Signer) -> np.ndarray:
    """Return a wall, lighter at the top, in the supersampled size."""
    width, height = (_SUPERSAMPLING * side for side in FRAME_SIZE)
    light = np.linspace(1.06, 0.84, height)[:, None, None]
    wall = np.clip(light * np.array(signer.background, dtype=np.float64), 0, 255)
    return np.ascontiguousarray(np.broadcast_to(wall, (height, width, 3)).astype(np.uint8))


def _shade(colour: tuple[int, int, int], factor: float, towards: tuple[int, int, int] = (0, 0, 0)) -> Colour:
    """Return ``colour`` mixed with ``1 - factor`` of ``towards``."""
    red, green, blue = (float(factor * a + (1 - factor) * b) for a, b in zip(colour, towards, strict=True))
    return red, green, blue


def _draw_frame(points: np.ndarray, view: Projection, signer: Signer, background: np.ndarray) -> np.ndarray:
    canvas = _Canvas(background)
    _draw_trunk(canvas, points, view.unit, signer)
    _draw_head(canvas, points, view.unit, signer)
    arms = [(5, 7, 9, LEFT_HAND_START), (6, 8, 10, RIGHT_HAND_START)]
    # what is nearer to the camera is drawn later
    for shoulder, elbow, wrist, hand in sorted(arms, key=lambda arm: points[arm[2], 2]):
        _draw_arm(canvas, points[[shoulder, elbow, wrist]], view.unit, signer)
        _draw_hand(canvas, points[hand : hand + 21], view.palm_length, signer, left=hand == LEFT_HAND_START)
    return canvas.finish()


def _draw_trunk(canvas: _Canvas, points: np.ndarray, unit: float, signer: Signer) -> None:
    left, right, left_hip, right_hip = (points[index, :2] for index in (5, 6, 11, 12))
    neck = (left + right) / 2
    nose = points[0, :2]
    skin = _shade(signer.skin, 0.88)
    canvas.stroke(np.stack([neck + 0.04 * unit, 0.45 * neck + 0.55 * nose]), 0.24 * unit, skin)
    down = (left_hip + right_hip - left - right) / 2
    left_neck, right_neck = (0.7 * side + 0.3 * neck - 0.09 * down for side in (left, right))
    left_waist, right_waist = left_hip + 0.06 * (left - right), right_hip + 0.06 * (right - left)
    bottom = [left_waist, left_hip + 0.5 * down, right_hip + 0.5 * down, right_waist]
    canvas.fill(np.stack([right, right_neck, neck - 0.05 * down, left_neck, left, *bottom]), signer.shirt)
    canvas.stroke(np.stack([left, right]), 0.20 * unit, signer.shirt)
    collar = neck + unit * np.array([(-0.10, -0.09), (0.0, 0.06), (0.10, -0.09)])
    canvas.fill(collar, skin)


def _draw_head(canvas: _Canvas, points: np.ndarray, unit: float, signer: Signer) -> None:
    face = points[FACE_START : FACE_START + 68, :2]
    size = signer.head_size * unit
    skin, dark = signer.skin, _shade(signer.skin, 0.62)
    across = face[16] - face[0]
    up = np.array([across[1], -across[0]])  # of the face's width, towards the forehead
    middle = (face[0] + face[16]) / 2
    angle = np.linspace(0, np.pi, 13)[:, None]
    skull = middle + 0.5 * across * np.cos(angle) + 0.86 * up * np.sin(angle)
    for ear in (3, 4):
        canvas.disc(points[ear, :2], 0.055 * size, dark)
        canvas.disc(points[ear, :2], 0.045 * size, skin)
    hair = middle + 0.10 * up + 0.57 * across * np.cos(angle) + 0.92 * up * np.sin(angle)
    canvas.fill(
        np.concatenate([hair, middle[None] + 0.5 * across * (-1.1), middle[None] + 0.5 * across * 1.1]), signer.hair
    )
    canvas.fill(np.concatenate([face[_JAW], 0.22 * middle + 0.78 * skull]), skin)
    canvas.stroke(face[_JAW], 0.012 * size, dark)
    for brow in _BROWS:
        canvas.stroke(face[brow], 0.022 * size, signer.hair)
    for eye in _EYES:
        canvas.fill(face[eye], (245, 245, 245))
        canvas.stroke(face[eye], 0.010 * size, _shade(signer.skin, 0.4), closed=True)
        if np.ptp(face[eye][:, 1]) > 0.02 * size:
            canvas.disc(face[eye].mean(axis=0), 0.017 * size, (40, 30, 25))
    canvas.stroke(np.concatenate([face[_NOSE], face[33:34]]), 0.014 * size, _shade(signer.skin, 0.78))
    canvas.fill(face[_LIPS], _shade(signer.skin, 0.45, (190, 60, 70)))
    canvas.fill(face[_INNER_LIPS], (60, 16, 20))
    canvas.stroke(face[[60, 61, 62, 63, 64]], 0.010 * size, _shade(signer.skin, 0.3, (110, 30, 40)))


def _draw_arm(canvas: _Canvas, joints: np.ndarray, unit: float, signer: Signer) -> None:
    """Draw a sleeve along shoulder, elbow and wrist [3, 3], with an edge that keeps it apart from the shirt."""
    shoulder, elbow, wrist = joints[:, :2]
    cuff = 0.12 * elbow + 0.88 * wrist
    edge = _shade(signer.shirt, 0.6)
    for colour, extra in ((edge, 0.03), (_shade(signer.shirt, 0.9, (255, 255, 255)), 0.0)):
        canvas.stroke(np.stack([shoulder, elbow]), (0.22 + extra) * unit, colour)
        canvas.stroke(np.stack([elbow, cuff]), (0.155 + extra) * unit, colour)
    canvas.stroke(np.stack([cuff, wrist]), 0.115 * unit, signer.skin)


def _draw_hand(canvas: _Canvas, hand: np.ndarray, palm_length: float, signer: Signer, left: bool) -> None:
    """Draw palm and fingers of ``hand`` [21, 3] from far to near."""
    forefinger, pinky = hand[5, :2] - hand[0, :2], hand[17, :2] - hand[0, :2]
    facing = (forefinger[0] * pinky[1] - forefinger[1] * pinky[0]) * (1 if left else -1)
    shows_palm = facing > 0
    skin = _shade(signer.skin, 0.86, (255, 196, 186)) if shows_palm else signer.skin
    edge = _shade(signer.skin, 0.52)
    palm_depth = hand[list(_PALM), 2].mean()
    fingers = []
    for finger, (start, stop) in enumerate(_FINGERS):
        joints = hand[max(start, 1) : stop]
        fingers.append((joints[1:, 2].mean(), joints, _FINGER_WIDTHS[finger] * palm_length))
    fingers.sort(key=lambda entry: entry[0])
    for entry in fingers:
        if entry[0] < palm_depth:
            _draw_finger(canvas, *entry[1:], skin, edge, shows_nail=not shows_palm)
    _draw_palm(canvas, hand, palm_length, skin, edge)
    for entry in fingers:
        if entry[0] >= palm_depth:
            _draw_finger(canvas, *entry[1:], skin, edge, shows_nail=not shows_palm)


def _draw_palm(canvas: _Canvas, hand: np.ndarray, palm_length: float, skin: Colour, edge: Colour) -> None:
    wrist = hand[0, :2]
    across = hand[17, :2] - hand[5, :2]
    outline = np.concatenate([hand[list(_PALM), :2], [wrist + 0.16 * across, wrist - 0.16 * across]])
    for colour, width in ((edge, 0.24), (skin, 0.16)):
        canvas.stroke(outline, width * palm_length, colour, closed=True)
    canvas.fill(outline, skin)


def _draw_finger(
    canvas: _Canvas, joints: np.ndarray, width: float, skin: Colour, edge: Colour, shows_nail: bool
) -> None:
    line = joints[:, :2]
    canvas.stroke(line, 1.32 * width, edge)
    canvas.stroke(line, width, skin)
    length = np.linalg.norm(line[-1] - line[-2])
    if shows_nail and length > 0.3 * width:
        tip = line[-1] + 0.15 * (line[-2] - line[-1])
        canvas.disc(tip, 0.26 * width, (252, 226, 220))

"""A signer's 133 points in space: trunk, arms by two-bone inverse kinematics, hands, head and face."""

import numpy as np

from unisign.structures import KEYPOINT_MIRROR, KEYPOINT_NAMES, NUM_KEYPOINTS
from unisign.structures.keypoint_layout import FACE_START, LEFT_HAND_START, RIGHT_HAND_START
from unisign.toy.face_model import EARS, EYES, face_points, turn_head
from unisign.toy.hand_model import hand_points
from unisign.toy.motion import Motion
from unisign.toy.performance import HandTrack, nose_of
from unisign.toy.rotations import axis_angle, multiply, normalize, to_matrix
from unisign.toy.signers import Signer

_INDEX = {name: index for index, name in enumerate(KEYPOINT_NAMES)}
_LONGEST_REACH = 0.985  # share of the arm's length: a signing elbow never locks
_HIPS = np.array([0.30, 1.45, 0.0])
_STANDING = slice(13, 23)  # knees, ankles and feet, which do not sway
# Knees, ankles and feet of a standing signer (left side); they lie below the frame.
_LEFT_LEG = {
    'left_knee': (0.32, 2.5, 0.05),
    'left_ankle': (0.32, 3.4, 0.0),
    'left_big_toe': (0.36, 3.55, 0.25),
    'left_small_toe': (0.46, 3.55, 0.2),
    'left_heel': (0.32, 3.52, -0.08),
}


def body_points(motion: Motion, signer: Signer) -> np.ndarray:
    """Return the 133 points [T, 133, 3] of a clip in shoulder widths; x to the image's right, y down, z to the camera.

    The origin lies between the shoulders. A left-handed signer is the mirror image of a right-handed one.
    """
    points = np.zeros((len(motion), NUM_KEYPOINTS, 3))
    _place_trunk(points, signer)
    _place_head(points, motion, signer)
    _place_arm(points, motion.dominant, signer, mirrored=False)
    _place_arm(points, motion.other, signer, mirrored=True)
    points = _sway(points, motion.sway, signer)
    if signer.left_handed:
        points = points[:, list(KEYPOINT_MIRROR)] * (-1.0, 1.0, 1.0)
    return points


def _place_trunk(points: np.ndarray, signer: Signer) -> None:
    hips = _HIPS * (signer.shoulder_width, signer.trunk_length, 1.0)
    left = {'left_shoulder': (0.5 * signer.shoulder_width, 0.0, 0.0), 'left_hip': tuple(hips), **_LEFT_LEG}
    for name, place in left.items():
        points[:, _INDEX[name]] = place
        points[:, _INDEX[name.replace('left', 'right')]] = np.array(place) * (-1.0, 1.0, 1.0)


def _place_head(points: np.ndarray, motion: Motion, signer: Signer) -> None:
    face = face_points(motion.mouth, motion.brows, motion.lids)
    others = np.broadcast_to(np.concatenate([np.zeros((1, 3)), EYES, EARS]), (len(motion), 5, 3))
    angles = motion.head
    turn = axis_angle((0.0, 1.0, 0.0), angles[:, 1])
    for axis, column in (((1.0, 0.0, 0.0), 0), ((0.0, 0.0, 1.0), 2)):
        turn = multiply(turn, axis_angle(axis, angles[:, column]))
    head = turn_head(np.concatenate([others, face], axis=1), to_matrix(turn))
    head = head * signer.head_size + nose_of(signer)
    points[:, :5] = head[:, :5]
    points[:, FACE_START : FACE_START + 68] = head[:, 5:]


def _place_arm(points: np.ndarray, hand: HandTrack, signer: Signer, mirrored: bool) -> None:
    """Place elbow, wrist and hand of the right arm, or of the left one if ``mirrored``."""
    shoulder = np.array([-0.5 * signer.shoulder_width, 0.0, 0.0])
    matrices = to_matrix(hand.turn)
    elbow, wrist = _bend_arm(shoulder, hand.wrist, matrices[:, :, 1], signer)
    fingers = hand_points(hand.posture) * signer.palm_length
    arm = np.concatenate(
        [np.stack([elbow, wrist], 1), wrist[:, None] + np.einsum('tij,tnj->tni', matrices, fingers)], 1
    )
    side, start = 'right', RIGHT_HAND_START
    if mirrored:
        arm, side, start = arm * (-1.0, 1.0, 1.0), 'left', LEFT_HAND_START
    points[:, _INDEX[f'{side}_elbow']] = arm[:, 0]
    points[:, _INDEX[f'{side}_wrist']] = arm[:, 1]
    points[:, start : start + 21] = arm[:, 2:]


def _bend_arm(
    shoulder: np.ndarray, wrist: np.ndarray, pointing: np.ndarray, signer: Signer
) -> tuple[np.ndarray, np.ndarray]:
    """Return elbow and wrist [T, 3] of a right arm whose hand points along ``pointing`` [T, 3].

    The elbow lies on a circle about the line from shoulder to wrist; it is turned down and outwards, and away from
    where the hand points, which keeps the wrist straight. A wrist out of reach is pulled back to what the arm reaches.
    """
    upper, fore = signer.upper_arm, signer.forearm
    reach = wrist - shoulder
    length = np.linalg.norm(reach, axis=1, keepdims=True)
    along = reach / length
    allowed = np.clip(length, abs(upper - fore) + 0.12, _LONGEST_REACH * (upper + fore))
    wrist = shoulder + along * allowed
    forward = (allowed**2 + upper**2 - fore**2) / (2 * allowed)
    aside = np.sqrt(np.maximum(upper**2 - forward**2, 0.0))
    pole = np.array([-0.75 - signer.elbow_lift, 1.0, 0.05]) - 0.5 * pointing
    pole = normalize(pole - (pole * along).sum(axis=1, keepdims=True) * along)
    return shoulder + along * forward + pole * aside, wrist


def _sway(points: np.ndarray, angles: np.ndarray, signer: Signer) -> np.ndarray:
    """Return the points with the trunk leaning sideways about the hips by ``angles`` [T]."""
    pivot = np.array([0.0, _HIPS[1] * signer.trunk_length, 0.0])
    leaning = np.einsum('tij,tnj->tni', to_matrix(axis_angle((0.0, 0.0, 1.0), angles)), points - pivot) + pivot
    leaning[:, _STANDING] = points[:, _STANDING]
    return leaning

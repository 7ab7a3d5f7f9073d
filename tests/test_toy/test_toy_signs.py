"""The toy lexicon and the signers' bodies."""

from dataclasses import asdict

import numpy as np
import pytest

from unisign.structures import KEYPOINT_MIRROR
from unisign.structures.keypoint_layout import FACE_START, HAND_EDGES, LEFT_HAND_START, RIGHT_HAND_START
from unisign.toy.body_model import body_points
from unisign.toy.camera import project
from unisign.toy.detector import detect
from unisign.toy.hand_model import hand_points, posture_of
from unisign.toy.lexicon import HANDSHAPE_GROUPS, LOCATION_PAIRS, MOUTH_PAIRS, MOVEMENT_PAIRS, SIGNS
from unisign.toy.motion import make_motion
from unisign.toy.rotations import axis_angle, hand_quaternion, multiply, slerp, to_matrix
from unisign.toy.signers import Signer, make_signers

FACE = np.arange(FACE_START, FACE_START + 68)
NOT_FACE = np.setdiff1d(np.arange(133), FACE)


@pytest.fixture(scope='module')
def signers() -> list[Signer]:
    return make_signers(3, left_handed=[1], seed=7)


def still(gloss: str, signer: Signer, seed: int = 5) -> np.ndarray:
    """Return the true points of one token of a sign."""
    return body_points(make_motion([gloss], signer, np.random.default_rng(seed)), signer)


@pytest.mark.parametrize(
    'groups, field',
    [
        (MOUTH_PAIRS, 'mouth'),
        (HANDSHAPE_GROUPS, 'handshape'),
        (MOVEMENT_PAIRS, 'movement'),
        (LOCATION_PAIRS, 'location'),
    ],
    ids=['mouth', 'handshape', 'movement', 'location'],
)
def test_groups_differ_in_one_parameter(groups: tuple[tuple[str, ...], ...], field: str) -> None:
    for group in groups:
        tables = [asdict(SIGNS[gloss]) for gloss in group]
        for key in set(tables[0]) - {'gloss', 'english', 'chinese', field}:
            assert len({table[key] for table in tables}) == 1, (group, key)
        assert len({table[field] for table in tables}) == len(group), group


def test_no_two_signs_are_the_same() -> None:
    forms = [tuple(value for key, value in asdict(sign).items() if key not in ('gloss', 'english', 'chinese'))
             for sign in SIGNS.values()]  # fmt: skip
    assert len(set(forms)) == len(forms) == 50
    for words in ([sign.english for sign in SIGNS.values()], [sign.chinese for sign in SIGNS.values()]):
        assert len(set(words)) == 50


@pytest.mark.parametrize('pair', MOUTH_PAIRS)
def test_mouth_pairs_move_only_the_face(pair: tuple[str, str], signers: list[Signer]) -> None:
    first, second = (still(gloss, signers[0]) for gloss in pair)
    np.testing.assert_array_equal(first[:, NOT_FACE], second[:, NOT_FACE])
    middle = len(first) // 2
    lips = np.linalg.norm(first[middle, 83:91] - second[middle, 83:91], axis=-1)
    assert lips.max() > 0.05  # shoulder widths; a face is about half a shoulder width wide
    np.testing.assert_array_equal(first[:, 53], second[:, 53])  # the nose tip, the origin of the part


def test_bones_keep_their_length(signers: list[Signer]) -> None:
    signer = signers[2]
    points = body_points(make_motion(['FLOWER', 'GO', 'TEA'], signer, np.random.default_rng(0)), signer)
    for upper, lower, length in ((6, 8, signer.upper_arm), (8, 10, signer.forearm), (7, 9, signer.forearm)):
        np.testing.assert_allclose(np.linalg.norm(points[:, upper] - points[:, lower], axis=-1), length, atol=1e-9)
    for start, wrist in ((LEFT_HAND_START, 9), (RIGHT_HAND_START, 10)):
        np.testing.assert_allclose(points[:, start], points[:, wrist], atol=1e-9)
        lengths = np.stack(
            [np.linalg.norm(points[:, start + a] - points[:, start + b], axis=-1) for a, b in HAND_EDGES]
        )
        np.testing.assert_allclose(lengths, np.repeat(lengths[:, :1], len(points), axis=1), atol=1e-9)


def test_left_handed_signer_is_a_mirror_image(signers: list[Signer]) -> None:
    right = Signer(**{**asdict(signers[1]), 'left_handed': False})
    mirrored = still('MOTHER', right)[:, list(KEYPOINT_MIRROR)] * (-1.0, 1.0, 1.0)
    np.testing.assert_array_equal(still('MOTHER', signers[1]), mirrored)


def test_straight_finger_and_fist() -> None:
    hand = hand_points(posture_of('index')[None])[0]
    wrist_to_tip = np.linalg.norm(hand[[8, 12, 16, 20]], axis=-1)
    assert wrist_to_tip[0] > 1.8 and (wrist_to_tip[1:] < 1.2).all()  # in palm lengths: forefinger out, the rest folded
    flat = hand_points(posture_of('flat')[None])[0]
    assert np.abs(flat[5:, 2]).max() < 0.2  # all fingers in the plane of the palm


def test_hand_axes() -> None:
    # a right hand held up, palm to the camera: the thumb points to the image's right
    matrix = to_matrix(hand_quaternion((0.0, -1.0, 0.0), (0.0, 0.0, 1.0)))
    np.testing.assert_allclose(matrix[:, 1], (0, -1, 0), atol=1e-12)
    np.testing.assert_allclose(matrix[:, 2], (0, 0, 1), atol=1e-12)
    np.testing.assert_allclose(matrix[:, 0], (-1, 0, 0), atol=1e-12)
    assert (matrix @ hand_points(posture_of('flat')[None])[0, 4])[0] > 0


def test_slerp_goes_half_way() -> None:
    half = slerp(axis_angle((0, 0, 1), 0.0), axis_angle((0, 0, 1), np.pi / 2), np.array([0.5]))[0]
    np.testing.assert_allclose(half, axis_angle((0, 0, 1), np.pi / 4), atol=1e-12)
    np.testing.assert_allclose(
        multiply(axis_angle((0, 0, 1), 0.3), axis_angle((0, 0, 1), 0.4)), axis_angle((0, 0, 1), 0.7), atol=1e-12
    )


def test_detector_fails_where_detectors_fail(signers: list[Signer]) -> None:
    """A hand on the face scores lower, and is further from the truth, than a hand beside it."""
    size = np.array([224, 224])
    scores, errors = {}, {}
    for gloss in ('FATHER', 'TWO'):  # at the chin, and beside the body
        found_scores, found_errors = [], []
        for seed in range(12):
            rng = np.random.default_rng(seed)
            motion = make_motion([gloss], signers[0], rng)
            view = project(body_points(motion, signers[0]), signers[0], rng)
            keypoints, confidence = detect(view, rng)
            span = slice(*motion.spans[0])
            hand = slice(RIGHT_HAND_START, RIGHT_HAND_START + 21)
            found_scores.append(confidence[span, hand].mean())
            offsets = keypoints[span, hand] * size - view.points[span, hand, :2]
            found_errors.append(np.linalg.norm(offsets, axis=-1).mean() / view.unit)
        scores[gloss], errors[gloss] = np.mean(found_scores), np.mean(found_errors)
    assert scores['FATHER'] < scores['TWO'] - 0.1
    assert errors['FATHER'] > 2 * errors['TWO']

"""How one sign is performed: where each hand is, how it is turned and shaped, in every frame of the sign.

Everything is said for a right-handed signer. The other hand lives in mirrored space (as if it were a right hand too),
so that a symmetric sign gives both hands the same numbers.
"""

from dataclasses import dataclass

import numpy as np

from unisign.toy.hand_model import FLEXION, PALM_CENTRE, POSTURE_SIZE, hand_points, posture_of
from unisign.toy.lexicon import Sign
from unisign.toy.phonology import LOCATIONS, MOUTHS, MOVEMENTS, ORIENTATIONS, Movement
from unisign.toy.rotations import axis_angle, hand_quaternion, multiply, rotation_vector, to_matrix
from unisign.toy.signers import Signer

NOSE = np.array([0.0, -0.585, 0.20])  # of the average signer, from the middle between the shoulders
_FINGER_AXIS, _KNUCKLE_AXIS = (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)
_REST_ORIENTATIONS = {'rest_lap': 'rest_in', 'rest_front': 'contra_in', 'rest_side': 'rest_hang'}
_PLACE_JITTER, _TILT_JITTER, _POSTURE_JITTER = 0.030, np.radians(4.5), np.radians(4.0)
_ISOLATED_FRAMES, _SENTENCE_FRAMES = 9.5, 7.2  # of a sign, without the ways to and from it
_FEWEST_FRAMES = 5


@dataclass
class HandTrack:
    """One hand over T frames: wrist [T, 3], turn (quaternion) [T, 4], posture [T, 18]."""

    wrist: np.ndarray
    turn: np.ndarray
    posture: np.ndarray


@dataclass
class Stretch:
    """A stretch of motion without transition: hands, mouth [n, 4], brows [n], head [n, 3]."""

    dominant: HandTrack
    other: HandTrack
    mouth: np.ndarray
    brows: np.ndarray
    head: np.ndarray

    def __len__(self) -> int:
        return len(self.mouth)


@dataclass
class Token:
    """What differs from one token of a sign to the next; the same numbers are drawn whatever the sign.

    Attributes:
        place, tilt, posture: offsets of the dominant and the other hand: [2, 3], rotation vectors [2, 3], [2, 18].
        amplitude, tempo, mouthing: factors of the size of the movement, its duration, and the mouth's movement.
    """

    place: np.ndarray
    tilt: np.ndarray
    posture: np.ndarray
    amplitude: float
    tempo: float
    mouthing: float


def minimum_jerk(share: np.ndarray) -> np.ndarray:
    """Return the covered share of the way after ``share`` (0..1) of the time."""
    return share**3 * (10 - 15 * share + 6 * share**2)


def place_of(location: str, signer: Signer) -> np.ndarray:
    """Return where ``location`` (not ``base_hand``) lies for this signer: [3], from the middle of the shoulders."""
    place = LOCATIONS[location]
    offset = np.asarray(place.offset)
    if place.anchor == 'head':
        return nose_of(signer) + offset * signer.head_size
    return offset * (signer.shoulder_width, signer.trunk_length, 1.0)


def nose_of(signer: Signer) -> np.ndarray:
    """Return the nose tip [3] at rest, from the middle of the shoulders."""
    return NOSE * (1.0, signer.neck_length, 1.0)


def draw_token(rng: np.random.Generator) -> Token:
    """Return the chance part of one token."""
    return Token(
        place=rng.normal(0.0, _PLACE_JITTER, (2, 3)),
        tilt=rng.normal(0.0, _TILT_JITTER, (2, 3)),
        posture=np.concatenate(
            [rng.normal(0.0, _POSTURE_JITTER, (2, 9)), rng.normal(0.0, 0.5 * _POSTURE_JITTER, (2, POSTURE_SIZE - 9))], 1
        ),
        amplitude=float(rng.uniform(0.88, 1.12)),
        tempo=float(rng.uniform(0.88, 1.14)),
        mouthing=float(rng.uniform(0.90, 1.10)),
    )


def dominant_target(sign: Sign, signer: Signer) -> np.ndarray:
    """Return where the dominant hand's contact point belongs in ``sign``: [3], from the middle of the shoulders."""
    place = LOCATIONS[sign.location]
    if place.anchor != 'base_hand':
        return place_of(sign.location, signer)
    # the base hand lies in mirrored space
    return place_of('base', signer) * (-1.0, 1.0, 1.0) + place.offset


def sign_frames(sign: Sign, signer: Signer, in_sentence: bool, tempo: float) -> int:
    """Return how many frames ``sign`` takes, without the ways to and from it."""
    usual = _SENTENCE_FRAMES if in_sentence else _ISOLATED_FRAMES
    return max(_FEWEST_FRAMES, round(usual * (1 + MOVEMENTS[sign.movement].stretch) * tempo / signer.speed))


def perform(
    sign: Sign,
    signer: Signer,
    frames: int,
    token: Token,
    pull: np.ndarray,
    brows: float,
    in_sentence: bool,
) -> Stretch:
    """Return ``sign`` as ``signer`` performs it in ``frames`` frames.

    Args:
        sign: what is signed.
        signer: who signs.
        frames: duration.
        token: the chance part.
        pull: by how much [3] neighbouring signs shift its place.
        brows: height of the brows, -1..1.
        in_sentence: signs in a sentence are a little smaller than alone.
    """
    phase = np.linspace(0.0, 1.0, frames)
    amplitude = signer.amplitude * token.amplitude * (0.92 if in_sentence else 1.0)
    habit = signer.habit_at(sign.location) + pull
    target = dominant_target(sign, signer) + habit
    dominant = _moving_hand(sign, target, phase, amplitude, signer, token, 0)
    if sign.hands in ('both', 'alternating'):
        late = 0.5 / MOVEMENTS[sign.movement].repeats if sign.hands == 'alternating' else 0.0
        other = _moving_hand(sign, target, phase + late, amplitude, signer, token, 1)
    elif sign.hands == 'base':
        other = _base_hand(sign, place_of('base', signer) + habit * (-1.0, 1.0, 1.0), frames, signer, token)
    else:
        other = _idle_hand(signer.idle_height * (1.0 if in_sentence else 0.25), frames, signer, token)
    mouth = _mouth(sign.mouth, signer, token.mouthing)
    head = np.zeros((frames, 3))
    if sign.headshake:
        head[:, 1] = np.radians(16) * np.sin(2 * np.pi * 1.5 * phase)
    return Stretch(dominant, other, np.tile(mouth, (frames, 1)), np.full(frames, brows), head)


def _moving_hand(
    sign: Sign, target: np.ndarray, phase: np.ndarray, amplitude: float, signer: Signer, token: Token, hand: int
) -> HandTrack:
    """Return the hand (0 dominant, 1 other) that performs the sign's movement around ``target`` [3]."""
    movement = MOVEMENTS[sign.movement]
    turn = _tilted(sign.orientation, signer, token.tilt[hand])
    posture = _posture_track(sign, phase, signer, token.posture[hand])
    contact = PALM_CENTRE
    if LOCATIONS[sign.location].anchor != 'trunk':
        # signs near the head or the other hand are placed by the fingers rather than by the palm
        contact = 0.45 * PALM_CENTRE + 0.55 * hand_points(posture[:1])[0, 8]
    path = target + token.place[hand] + amplitude * _path(movement, phase)
    wrist = path - to_matrix(turn) @ (contact * signer.palm_length)
    beat = 0.5 - 0.5 * np.cos(2 * np.pi * movement.repeats * phase)
    roll = movement.twist * (beat - 0.5) + movement.turn * (minimum_jerk(np.clip(phase, 0, 1)) - 0.5)
    turns = multiply(turn, axis_angle(_FINGER_AXIS, np.radians(roll)))
    return HandTrack(wrist, multiply(turns, axis_angle(_KNUCKLE_AXIS, np.radians(movement.nod * beat))), posture)


def _path(movement: Movement, phase: np.ndarray) -> np.ndarray:
    """Return the hand's offset [n, 3] from its place."""
    eased = minimum_jerk(np.clip(phase, 0, 1))[:, None]
    cycle = 2 * np.pi * movement.repeats * phase[:, None]
    line = (eased - 0.5) * np.array(movement.line) + np.sin(np.pi * eased) * np.array(movement.bow)
    swing = (0.5 - 0.5 * np.cos(cycle)) * np.array(movement.swing)
    first, second = np.array(movement.circle)
    return line + swing + np.cos(cycle) * first + np.sin(cycle) * second


def _posture_track(sign: Sign, phase: np.ndarray, signer: Signer, jitter: np.ndarray) -> np.ndarray:
    """Return the sign's postures [n, 18], from its first handshape to its last."""
    movement = MOVEMENTS[sign.movement]
    start, end = (_lax(posture_of(shape), signer) for shape in (sign.handshape, sign.end_handshape or sign.handshape))
    track = start + minimum_jerk(np.clip(1.4 * phase - 0.2, 0, 1))[:, None] * (end - start) + jitter
    if movement.wiggle:
        fingers = np.repeat(np.arange(4), 2) * 1.6
        bend = np.sin(2 * np.pi * movement.repeats * phase[:, None] + fingers)
        track[:, FLEXION] += np.radians(movement.wiggle) * np.where(np.arange(8) % 2, 0.5, 1.0) * (bend + 0.6)
    return track


def _lax(posture: np.ndarray, signer: Signer) -> np.ndarray:
    return posture + signer.laxness * (posture_of('relaxed') - posture)


def _base_hand(sign: Sign, target: np.ndarray, frames: int, signer: Signer, token: Token) -> HandTrack:
    turn = _tilted(sign.base_orientation, signer, token.tilt[1])
    wrist = target + 0.5 * token.place[1] - to_matrix(turn) @ (PALM_CENTRE * signer.palm_length)
    return _still_hand(wrist, turn, _lax(posture_of(sign.base_handshape), signer) + token.posture[1], frames)


def _idle_hand(height: float, frames: int, signer: Signer, token: Token) -> HandTrack:
    """Return the other hand of a one-handed sign, waiting between rest (0) and the signing space (1)."""
    hand = _resting_hand(signer, frames)
    waiting = place_of('rest_front', signer) + np.array([0.0, -0.10, 0.05])
    hand.wrist += height * (waiting - hand.wrist) + token.place[1]
    return hand


def _resting_hand(signer: Signer, frames: int) -> HandTrack:
    turn = hand_quaternion(*ORIENTATIONS[_REST_ORIENTATIONS[signer.rest]])
    wrist = place_of(signer.rest, signer) - to_matrix(turn) @ (PALM_CENTRE * signer.palm_length)
    return _still_hand(wrist, turn, posture_of('relaxed'), frames)


def _still_hand(wrist: np.ndarray, turn: np.ndarray, posture: np.ndarray, frames: int) -> HandTrack:
    return HandTrack(*(np.tile(values, (frames, 1)) for values in (wrist, turn, posture)))


def _tilted(orientation: str, signer: Signer, jitter: np.ndarray) -> np.ndarray:
    return multiply(rotation_vector(np.asarray(signer.tilt) + jitter), hand_quaternion(*ORIENTATIONS[orientation]))


def _mouth(name: str, signer: Signer, mouthing: float) -> np.ndarray:
    """Return opening, width, lift of the corners (lengths in head axes) and jaw drop: [4]."""
    neutral, shape = MOUTHS['neutral'], MOUTHS[name]
    values = np.array([[m.opening, m.width, m.corners, m.jaw] for m in (neutral, shape)])
    return values[0] + signer.mouthing * mouthing * (values[1] - values[0])


def rest(signer: Signer, frames: int, rng: np.random.Generator) -> Stretch:
    """Return ``frames`` frames of rest before or after signing."""
    hands = []
    for offset in rng.normal(0.0, 0.03, (2, 3)):
        hand = _resting_hand(signer, frames)
        hands.append(HandTrack(hand.wrist + offset, hand.turn, hand.posture))
    mouth = np.tile(_mouth('neutral', signer, 1.0), (frames, 1))
    return Stretch(hands[0], hands[1], mouth, np.zeros(frames), np.zeros((frames, 3)))

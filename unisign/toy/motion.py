"""From a row of signs to the motion of hands, mouth and head.

Everything is said for a right-handed signer. The other hand lives in mirrored space (as if it were a right hand too), so
that a symmetric sign gives both hands the same numbers. Within a sign the hand follows the sign's movement; between
signs it takes the minimum-jerk path (Flash and Hogan, 1985); neighbouring signs pull each other's places together.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unisign.toy.hand_model import FLEXION, PALM_CENTRE, POSTURE_SIZE, hand_points, posture_of
from unisign.toy.lexicon import SIGNS, Sign
from unisign.toy.phonology import LOCATIONS, MOUTHS, MOVEMENTS, ORIENTATIONS, Movement
from unisign.toy.rotations import axis_angle, hand_quaternion, multiply, rotation_vector, slerp, to_matrix
from unisign.toy.signers import Signer

NOSE = np.array([0.0, -0.585, 0.20])  # of the average signer, from the middle between the shoulders
_FINGER_AXIS, _KNUCKLE_AXIS = (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)
_REST_ORIENTATIONS = {'rest_lap': 'rest_in', 'rest_front': 'contra_in', 'rest_side': 'rest_hang'}
_PLACE_JITTER, _TILT_JITTER, _POSTURE_JITTER = 0.030, np.radians(4.5), np.radians(4.0)
_ASSIMILATION = 0.08  # how far a sign's place is pulled towards its neighbours'
_SMOOTHING = 0.10  # weight of each neighbouring frame: hands cut corners


@dataclass
class HandTrack:
    """One hand over T frames: wrist [T, 3], turn (quaternion) [T, 4], posture [T, 18]."""

    wrist: np.ndarray
    turn: np.ndarray
    posture: np.ndarray


@dataclass
class Motion:
    """Everything that moves, over T frames.

    Attributes:
        dominant, other: the hands, ``other`` in mirrored space.
        mouth: [T, 4] as in ``face_model``; brows, lids: [T]; head: rotation vectors [T, 3] in radians.
        sway: sideways lean of the trunk [T] in radians.
        spans: first and last frame + 1 of each sign, without the transitions.
    """

    dominant: HandTrack
    other: HandTrack
    mouth: np.ndarray
    brows: np.ndarray
    lids: np.ndarray
    head: np.ndarray
    sway: np.ndarray
    spans: list[tuple[int, int]]

    def __len__(self) -> int:
        return len(self.mouth)


@dataclass
class _Stretch:
    """A stretch of motion without transition: hands, mouth [n, 4], brows [n], head [n, 3]."""

    dominant: HandTrack
    other: HandTrack
    mouth: np.ndarray
    brows: np.ndarray
    head: np.ndarray

    def __len__(self) -> int:
        return len(self.mouth)


@dataclass
class _Draw:
    """What differs from one token of a sign to the next; the same numbers are drawn whatever the sign."""

    place: np.ndarray  # [2, 3]
    tilt: np.ndarray  # [2, 3]
    posture: np.ndarray  # [2, 18]
    amplitude: float
    tempo: float
    mouthing: float


def minimum_jerk(share: np.ndarray) -> np.ndarray:
    """Return the covered share of the way after ``share`` (0..1) of the time."""
    return share**3 * (10 - 15 * share + 6 * share**2)


def make_motion(glosses: Sequence[str], signer: Signer, rng: np.random.Generator) -> Motion:
    """Return the motion of ``signer`` who signs ``glosses``, from rest to rest, at 15 frames a second."""
    in_sentence = len(glosses) > 1
    draws = [_draw(rng) for _ in glosses]
    timing = rng.random((len(glosses) + 3, 2))
    brows = _brow_plan(glosses)
    pulls = _assimilation(glosses, signer)
    stretches = [_rest(signer, 1 + round(2 * timing[0, 0]), rng)]
    for index, gloss in enumerate(glosses):
        frames = _sign_frames(SIGNS[gloss], signer, in_sentence, draws[index].tempo)
        stretches.append(_sign(SIGNS[gloss], signer, frames, draws[index], pulls[index], brows[index], in_sentence))
    stretches.append(_rest(signer, 1 + round(2 * timing[0, 1]), rng))
    return _join(stretches, signer, in_sentence, timing[1:, 0], rng)


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


def _draw(rng: np.random.Generator) -> _Draw:
    return _Draw(
        place=rng.normal(0.0, _PLACE_JITTER, (2, 3)),
        tilt=rng.normal(0.0, _TILT_JITTER, (2, 3)),
        posture=np.concatenate(
            [rng.normal(0.0, _POSTURE_JITTER, (2, 9)), rng.normal(0.0, 0.5 * _POSTURE_JITTER, (2, POSTURE_SIZE - 9))], 1
        ),
        amplitude=float(rng.uniform(0.88, 1.12)),
        tempo=float(rng.uniform(0.88, 1.14)),
        mouthing=float(rng.uniform(0.90, 1.10)),
    )


def _brow_plan(glosses: Sequence[str]) -> list[float]:
    """Return the brows' height during each sign: raised in yes-or-no questions, lowered in the others and in denial."""
    if glosses[-1] == 'QUESTION' and len(glosses) > 1:
        return [0.7] * (len(glosses) - 1) + [1.0]
    if glosses[-1] in ('WHAT', 'WHO', 'WHERE'):
        return [-0.3] * (len(glosses) - 1) + [-1.0]
    return [-0.8 if gloss == 'NOT' else 0.0 for gloss in glosses]


def _assimilation(glosses: Sequence[str], signer: Signer) -> np.ndarray:
    """Return the offset [N, 3] by which neighbouring signs pull each sign's place towards theirs."""
    places = np.array([_dominant_target(SIGNS[gloss], signer) for gloss in glosses])
    padded = np.concatenate([places[:1], places, places[-1:]])
    return _ASSIMILATION * ((padded[:-2] + padded[2:]) / 2 - places)


def _dominant_target(sign: Sign, signer: Signer) -> np.ndarray:
    place = LOCATIONS[sign.location]
    if place.anchor != 'base_hand':
        return place_of(sign.location, signer)
    # the base hand lies in mirrored space
    return place_of('base', signer) * (-1.0, 1.0, 1.0) + place.offset


def _sign_frames(sign: Sign, signer: Signer, in_sentence: bool, tempo: float) -> int:
    usual = 7.2 if in_sentence else 9.5
    return max(5, round(usual * (1 + MOVEMENTS[sign.movement].stretch) * tempo / signer.speed))


def _sign(
    sign: Sign,
    signer: Signer,
    frames: int,
    draw: _Draw,
    pull: np.ndarray,
    brows: float,
    in_sentence: bool,
) -> _Stretch:
    movement = MOVEMENTS[sign.movement]
    phase = np.linspace(0.0, 1.0, frames)
    amplitude = signer.amplitude * draw.amplitude * (0.92 if in_sentence else 1.0)
    habit = signer.habit_at(sign.location) + pull
    shapes = (sign.handshape, sign.end_handshape or sign.handshape)
    target = _dominant_target(sign, signer) + habit
    dominant = _moving_hand(sign, shapes, target, movement, phase, amplitude, signer, draw, 0)
    if sign.hands in ('both', 'alternating'):
        late = phase + (0.5 / movement.repeats if sign.hands == 'alternating' else 0.0)
        other = _moving_hand(sign, shapes, target, movement, late, amplitude, signer, draw, 1)
    elif sign.hands == 'base':
        target = place_of('base', signer) + habit * (-1.0, 1.0, 1.0)
        other = _still_hand(sign.base_handshape, sign.base_orientation, target, frames, signer, draw)
    else:
        idle = signer.idle_height if in_sentence else 0.25 * signer.idle_height
        rest = _resting_hand(signer, frames)
        waiting = place_of('rest_front', signer) + (0.0, -0.10, 0.05)
        other = HandTrack(rest.wrist + idle * (waiting - rest.wrist) + draw.place[1], rest.turn, rest.posture)
    mouth = _mouth(sign.mouth, signer, draw.mouthing)
    head = np.zeros((frames, 3))
    if sign.headshake:
        head[:, 1] = np.radians(16) * np.sin(2 * np.pi * 1.5 * phase)
    return _Stretch(dominant, other, np.tile(mouth, (frames, 1)), np.full(frames, brows), head)


def _moving_hand(
    sign: Sign,
    shapes: tuple[str, str],
    target: np.ndarray,
    movement: Movement,
    phase: np.ndarray,
    amplitude: float,
    signer: Signer,
    draw: _Draw,
    hand: int,
) -> HandTrack:
    """Return the hand (0 dominant, 1 other) that performs ``movement`` around ``target`` [3]."""
    turn = _tilted(sign.orientation, signer, draw.tilt[hand])
    posture = _posture_track(shapes, movement, phase, signer, draw.posture[hand])
    contact = PALM_CENTRE
    if LOCATIONS[sign.location].anchor != 'trunk':
        # signs near the head or the other hand are placed by the fingers rather than by the palm
        contact = 0.45 * PALM_CENTRE + 0.55 * hand_points(posture[:1])[0, 8]
    path = target + draw.place[hand] + amplitude * _path(movement, phase)
    wrist = path - to_matrix(turn) @ (contact * signer.palm_length)
    beat = 0.5 - 0.5 * np.cos(2 * np.pi * movement.repeats * phase)
    twist = np.radians(movement.twist) * (beat - 0.5) + np.radians(movement.turn) * (
        minimum_jerk(np.clip(phase, 0, 1)) - 0.5
    )
    turns = multiply(
        turn, multiply(axis_angle(_FINGER_AXIS, twist), axis_angle(_KNUCKLE_AXIS, np.radians(movement.nod) * beat))
    )
    return HandTrack(wrist, turns, posture)


def _path(movement: Movement, phase: np.ndarray) -> np.ndarray:
    """Return the hand's offset [n, 3] from its place."""
    eased = minimum_jerk(np.clip(phase, 0, 1))[:, None]
    cycle = 2 * np.pi * movement.repeats * phase[:, None]
    line = (eased - 0.5) * np.array(movement.line) + np.sin(np.pi * eased) * np.array(movement.bow)
    swing = (0.5 - 0.5 * np.cos(cycle)) * np.array(movement.swing)
    first, second = np.array(movement.circle)
    return line + swing + np.cos(cycle) * first + np.sin(cycle) * second


def _posture_track(
    shapes: tuple[str, str], movement: Movement, phase: np.ndarray, signer: Signer, jitter: np.ndarray
) -> np.ndarray:
    """Return postures [n, 18] from the first handshape to the second."""
    start, end = (_lax(posture_of(shape), signer) for shape in shapes)
    track = start + minimum_jerk(np.clip(1.4 * phase - 0.2, 0, 1))[:, None] * (end - start) + jitter
    if movement.wiggle:
        fingers = np.repeat(np.arange(4), 2) * 1.6
        bend = np.sin(2 * np.pi * movement.repeats * phase[:, None] + fingers)
        track[:, FLEXION] += np.radians(movement.wiggle) * np.where(np.arange(8) % 2, 0.5, 1.0) * (bend + 0.6)
    return track


def _lax(posture: np.ndarray, signer: Signer) -> np.ndarray:
    return posture + signer.laxness * (posture_of('relaxed') - posture)


def _still_hand(
    shape: str, orientation: str, target: np.ndarray, frames: int, signer: Signer, draw: _Draw
) -> HandTrack:
    turn = _tilted(orientation, signer, draw.tilt[1])
    wrist = target + 0.5 * draw.place[1] - to_matrix(turn) @ (PALM_CENTRE * signer.palm_length)
    posture = _lax(posture_of(shape), signer) + draw.posture[1]
    return HandTrack(np.tile(wrist, (frames, 1)), np.tile(turn, (frames, 1)), np.tile(posture, (frames, 1)))


def _tilted(orientation: str, signer: Signer, jitter: np.ndarray) -> np.ndarray:
    return multiply(rotation_vector(np.asarray(signer.tilt) + jitter), hand_quaternion(*ORIENTATIONS[orientation]))


def _resting_hand(signer: Signer, frames: int) -> HandTrack:
    turn = hand_quaternion(*ORIENTATIONS[_REST_ORIENTATIONS[signer.rest]])
    wrist = place_of(signer.rest, signer) - to_matrix(turn) @ (PALM_CENTRE * signer.palm_length)
    posture = posture_of('relaxed')
    return HandTrack(np.tile(wrist, (frames, 1)), np.tile(turn, (frames, 1)), np.tile(posture, (frames, 1)))


def _mouth(name: str, signer: Signer, mouthing: float) -> np.ndarray:
    """Return opening, width, corners (lengths in shoulder widths of this head) and jaw drop."""
    neutral, shape = MOUTHS['neutral'], MOUTHS[name]
    values = np.array([[m.opening, m.width, m.corners, m.jaw] for m in (neutral, shape)])
    return values[0] + signer.mouthing * mouthing * (values[1] - values[0])


def _rest(signer: Signer, frames: int, rng: np.random.Generator) -> _Stretch:
    hands = []
    for offset in rng.normal(0.0, 0.03, (2, 3)):
        hand = _resting_hand(signer, frames)
        hands.append(HandTrack(hand.wrist + offset, hand.turn, hand.posture))
    mouth = np.tile(_mouth('neutral', signer, 1.0), (frames, 1))
    return _Stretch(hands[0], hands[1], mouth, np.zeros(frames), np.zeros((frames, 3)))


def _join(
    stretches: list[_Stretch], signer: Signer, in_sentence: bool, timing: np.ndarray, rng: np.random.Generator
) -> Motion:
    """Return the stretches with transitions between them, smoothed, with the sway of a living body."""
    pieces, spans, frames = [stretches[0]], [], len(stretches[0])
    for index in range(1, len(stretches)):
        before, after = stretches[index - 1], stretches[index]
        length = _transition_frames(before, after, signer, in_sentence, float(timing[index]))
        pieces += [_transition(before, after, length), after]
        spans.append((frames + length, frames + length + len(after)))
        frames += length + len(after)
    hands = [
        HandTrack(
            _smooth(np.concatenate([getattr(piece, side).wrist for piece in pieces])),
            np.concatenate([getattr(piece, side).turn for piece in pieces]),
            _smooth(np.concatenate([getattr(piece, side).posture for piece in pieces])),
        )
        for side in ('dominant', 'other')
    ]
    head = np.concatenate([piece.head for piece in pieces])
    lids = np.ones(frames)
    lids[rng.random(frames) < 0.02] = 0.1
    waves = rng.uniform(0, 2 * np.pi, 4)[:, None] + np.arange(frames) * rng.uniform(0.12, 0.3, 4)[:, None]
    drift = np.radians([[2.0], [2.5], [1.5], [1.3]]) * np.sin(waves)
    return Motion(
        *hands,
        mouth=_smooth(np.concatenate([piece.mouth for piece in pieces])),
        brows=_smooth(np.concatenate([piece.brows for piece in pieces])),
        lids=lids,
        head=head + drift[:3].T,
        sway=drift[3],
        spans=spans[:-1],
    )


def _transition_frames(before: _Stretch, after: _Stretch, signer: Signer, in_sentence: bool, chance: float) -> int:
    """Return how long the hands take from one sign to the next: longer ways take longer, but not in proportion."""
    way = max(
        np.linalg.norm(getattr(after, side).wrist[0] - getattr(before, side).wrist[-1])
        for side in ('dominant', 'other')
    )
    usual = (1.7 if in_sentence else 2.4) + 2.0 * float(way)
    return max(2, int(usual / signer.speed + chance))


def _transition(before: _Stretch, after: _Stretch, frames: int) -> _Stretch:
    share = minimum_jerk(np.arange(1, frames + 1) / (frames + 1))

    def between(start: np.ndarray, end: np.ndarray) -> np.ndarray:
        return start + share.reshape(-1, *[1] * start.ndim) * (end - start)

    def hand(start: HandTrack, end: HandTrack) -> HandTrack:
        wrist = between(start.wrist[-1], end.wrist[0])
        # hands travel in front of the body, not through it
        wrist[:, 2] += 0.15 * np.linalg.norm(end.wrist[0] - start.wrist[-1]) * np.sin(np.pi * share)
        return HandTrack(wrist, slerp(start.turn[-1], end.turn[0], share), between(start.posture[-1], end.posture[0]))

    return _Stretch(
        hand(before.dominant, after.dominant),
        hand(before.other, after.other),
        between(before.mouth[-1], after.mouth[0]),
        between(before.brows[-1], after.brows[0]),
        between(before.head[-1], after.head[0]),
    )


def _smooth(track: np.ndarray) -> np.ndarray:
    """Return ``track`` [T, ...] with each frame drawn towards its neighbours."""
    padded = np.concatenate([track[:1], track, track[-1:]])
    return (1 - 2 * _SMOOTHING) * track + _SMOOTHING * (padded[:-2] + padded[2:])

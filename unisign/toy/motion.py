"""From a row of signs to the motion of hands, mouth and head.

Within a sign the hand follows the sign's movement; between signs it takes the minimum-jerk path (Flash and Hogan,
1985). Neighbouring signs pull each other's places together, and hands cut corners: coarticulation.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unisign.toy.lexicon import SIGNS
from unisign.toy.performance import (
    HandTrack,
    Stretch,
    dominant_target,
    draw_token,
    minimum_jerk,
    perform,
    rest,
    sign_frames,
)
from unisign.toy.rotations import slerp
from unisign.toy.signers import Signer

_ASSIMILATION = 0.08  # how far a sign's place is pulled towards its neighbours'
_SMOOTHING = 0.10  # weight of each neighbouring frame: hands cut corners


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


def make_motion(glosses: Sequence[str], signer: Signer, rng: np.random.Generator) -> Motion:
    """Return the motion of ``signer`` who signs ``glosses``, from rest to rest, at 15 frames a second."""
    in_sentence = len(glosses) > 1
    tokens = [draw_token(rng) for _ in glosses]
    timing = rng.random((len(glosses) + 3, 2))
    brows = _brow_plan(glosses)
    pulls = _assimilation(glosses, signer)
    stretches = [rest(signer, 1 + round(2 * timing[0, 0]), rng)]
    for index, gloss in enumerate(glosses):
        frames = sign_frames(SIGNS[gloss], signer, in_sentence, tokens[index].tempo)
        stretches.append(perform(SIGNS[gloss], signer, frames, tokens[index], pulls[index], brows[index], in_sentence))
    stretches.append(rest(signer, 1 + round(2 * timing[0, 1]), rng))
    return _join(stretches, signer, in_sentence, timing[1:, 0], rng)


def resting_motion(signer: Signer, frames: int, rng: np.random.Generator) -> Motion:
    """Return the motion of ``signer`` who waits for about ``frames`` frames and shifts the hands once."""
    half = max(1, frames // 2)
    return _join([rest(signer, half, rng), rest(signer, half, rng)], signer, False, np.zeros(2), rng)


def _brow_plan(glosses: Sequence[str]) -> list[float]:
    """Return the brows' height during each sign: raised in yes-or-no questions, lowered in the others and in denial."""
    if glosses[-1] == 'QUESTION' and len(glosses) > 1:
        return [0.7] * (len(glosses) - 1) + [1.0]
    if glosses[-1] in ('WHAT', 'WHO', 'WHERE'):
        return [-0.3] * (len(glosses) - 1) + [-1.0]
    return [-0.8 if gloss == 'NOT' else 0.0 for gloss in glosses]


def _assimilation(glosses: Sequence[str], signer: Signer) -> np.ndarray:
    """Return the offset [N, 3] by which neighbouring signs pull each sign's place towards theirs."""
    places = np.array([dominant_target(SIGNS[gloss], signer) for gloss in glosses])
    padded = np.concatenate([places[:1], places, places[-1:]])
    return _ASSIMILATION * ((padded[:-2] + padded[2:]) / 2 - places)


def _join(
    stretches: list[Stretch], signer: Signer, in_sentence: bool, timing: np.ndarray, rng: np.random.Generator
) -> Motion:
    """Return the stretches with transitions between them, smoothed, with the sway of a living body."""
    pieces, spans, frames = [stretches[0]], [], len(stretches[0])
    for index in range(1, len(stretches)):
        before, after = stretches[index - 1], stretches[index]
        length = _transition_frames(before, after, signer, in_sentence, float(timing[index]))
        pieces += [_transition(before, after, length), after]
        spans.append((frames + length, frames + length + len(after)))
        frames += length + len(after)
    dominant, other = (
        HandTrack(
            _smooth(np.concatenate([getattr(piece, side).wrist for piece in pieces])),
            np.concatenate([getattr(piece, side).turn for piece in pieces]),
            _smooth(np.concatenate([getattr(piece, side).posture for piece in pieces])),
        )
        for side in ('dominant', 'other')
    )
    head = np.concatenate([piece.head for piece in pieces])
    lids = np.ones(frames)
    lids[rng.random(frames) < 0.02] = 0.1
    waves = rng.uniform(0, 2 * np.pi, 4)[:, None] + np.arange(frames) * rng.uniform(0.12, 0.3, 4)[:, None]
    drift = np.radians([[2.0], [2.5], [1.5], [1.3]]) * np.sin(waves)
    return Motion(
        dominant=dominant,
        other=other,
        mouth=_smooth(np.concatenate([piece.mouth for piece in pieces])),
        brows=_smooth(np.concatenate([piece.brows for piece in pieces])),
        lids=lids,
        head=head + drift[:3].T,
        sway=drift[3],
        spans=spans[:-1],
    )


def _transition_frames(before: Stretch, after: Stretch, signer: Signer, in_sentence: bool, chance: float) -> int:
    """Return how long the hands take from one sign to the next: longer ways take longer, but not in proportion."""
    way = max(
        np.linalg.norm(getattr(after, side).wrist[0] - getattr(before, side).wrist[-1])
        for side in ('dominant', 'other')
    )
    usual = (1.7 if in_sentence else 2.4) + 2.0 * float(way)
    return max(2, int(usual / signer.speed + chance))


def _transition(before: Stretch, after: Stretch, frames: int) -> Stretch:
    share = minimum_jerk(np.arange(1, frames + 1) / (frames + 1))

    def between(start: np.ndarray, end: np.ndarray) -> np.ndarray:
        return start + share.reshape(-1, *[1] * start.ndim) * (end - start)

    def hand(start: HandTrack, end: HandTrack) -> HandTrack:
        wrist = between(start.wrist[-1], end.wrist[0])
        # hands travel in front of the body, not through it
        wrist[:, 2] += 0.15 * np.linalg.norm(end.wrist[0] - start.wrist[-1]) * np.sin(np.pi * share)
        return HandTrack(wrist, slerp(start.turn[-1], end.turn[0], share), between(start.posture[-1], end.posture[0]))

    return Stretch(
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

"""The grammar of the toy sign language: meanings, their sign order, and their English and Chinese sentences.

Sign order: time, topic (what it is about, adjective or number after the noun), subject, verb, mood (CAN, WANT, FINISH),
NOT, and question signs last. Both spoken sentences follow from the meaning alone, and the meaning from the signs alone,
so that there is exactly one right translation per language.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from unisign.toy.grammar_words import ACTIONS, GO, NUMBERS, PEOPLE, PLACES, THINGS, TIMES

SHORTEST, LONGEST = 3, 6  # signs in a sentence
Choice = TypeVar('Choice')


@dataclass(frozen=True)
class Meaning:
    """What a sentence says; all fields are keys of the tables in ``grammar_words``.

    Attributes:
        frame: ``do`` (somebody does something to a thing), ``go`` (somebody goes to a place), ``be`` (a thing has a
            quality), or a question: ``who``, ``what``, ``where``.
        time: key of TIMES.
        subject: key of PEOPLE; '' where there is none. In a ``be`` sentence: the owner of the thing.
        action: key of ACTIONS, or ``go``; '' in a ``be`` sentence.
        thing: key of THINGS, or of PLACES for ``go``; '' where there is none.
        modifier: gloss of the thing's adjective or number; '' for none. In a ``be`` sentence: the quality.
        mood: '', ``can``, ``want`` or ``finish``.
        negated, asked: whether it is denied; whether it is a yes-or-no question.
    """

    frame: str
    time: str = 'always'
    subject: str = ''
    action: str = ''
    thing: str = ''
    modifier: str = ''
    mood: str = ''
    negated: bool = False
    asked: bool = False


_QUESTION_SIGN = {'who': 'WHO', 'what': 'WHAT', 'where': 'WHERE'}


def glosses_of(meaning: Meaning) -> tuple[str, ...]:
    """Return the signs of ``meaning`` in their order."""
    signs = list(TIMES[meaning.time].glosses)
    subject = PEOPLE[meaning.subject].glosses if meaning.subject else ()
    if meaning.frame == 'be':
        signs += [*subject, *THINGS[meaning.thing].glosses, meaning.modifier]
    else:
        if meaning.thing:
            signs += (PLACES if meaning.action == 'go' else THINGS)[meaning.thing].glosses
        if meaning.modifier:
            signs.append(meaning.modifier)
        signs += subject
        signs.append(GO.gloss if meaning.action == 'go' else ACTIONS[meaning.action].gloss)
    if meaning.mood:
        signs.append(meaning.mood.upper())
    if meaning.negated:
        signs.append('NOT')
    if meaning.asked:
        signs.append('QUESTION')
    if meaning.frame in _QUESTION_SIGN:
        signs.append(_QUESTION_SIGN[meaning.frame])
    return tuple(signs)


def _pick(rng: np.random.Generator, choices: Sequence[Choice], weights: Sequence[float] | None = None) -> Choice:
    if weights is None:
        return choices[int(rng.integers(len(choices)))]
    shares = np.cumsum(weights) / np.sum(weights)
    return choices[int(np.searchsorted(shares, rng.random(), side='right'))]


def _draw_time(rng: np.random.Generator) -> str:
    return _pick(rng, tuple(TIMES), (5, 2, 2, 3, 3, 1, 1, 3, 1, 1))


def _draw_subject(rng: np.random.Generator) -> str:
    return _pick(rng, tuple(PEOPLE), (3, 3, 3, 3, 3, 2, 2, 3, 1.5))


def _draw_modifier(rng: np.random.Generator, thing: str, share: float) -> str:
    """Return an adjective or a number for ``thing``, or '' (with probability 1 - ``share``, or if it takes none)."""
    if THINGS[thing].fixed or rng.random() >= share:
        return ''
    if rng.random() < 0.35:
        return _pick(rng, tuple(NUMBERS))
    return _pick_adjective(rng, THINGS[thing].adjectives)


def _pick_adjective(rng: np.random.Generator, adjectives: Sequence[str]) -> str:
    # NEW goes with few things; without the weight it would be a rare sign
    return _pick(rng, adjectives, [5.0 if word == 'NEW' else 1.0 for word in adjectives])


def _draw_polarity(rng: np.random.Generator) -> dict[str, Any]:
    """Return at most one of: denied, asked."""
    kind = _pick(rng, ('plain', 'negated', 'asked'), (6, 2, 2))
    return {'negated': kind == 'negated', 'asked': kind == 'asked'}


def _draw_do(rng: np.random.Generator) -> Meaning:
    action = _pick(rng, tuple(ACTIONS), (1.2, 1.5, 1, 1, 1, 1, 1, 1))
    thing = _pick(rng, ACTIONS[action].objects)
    time = _draw_time(rng)
    moods = ('', 'can', 'want', 'finish') if time == 'always' else ('', 'can', 'want')
    mood = _pick(rng, moods, (4, 3, 3, 6)[: len(moods)])
    modifier = _draw_modifier(rng, thing, 0.6)
    return Meaning('do', time, _draw_subject(rng), action, thing, modifier, mood, **_draw_polarity(rng))


def _draw_go(rng: np.random.Generator) -> Meaning:
    time = _draw_time(rng)
    mood = _pick(rng, ('', 'want', 'finish') if time == 'always' else ('', 'want'))
    place = _pick(rng, tuple(PLACES))
    return Meaning('go', time, _draw_subject(rng), 'go', place, mood=mood, **_draw_polarity(rng))


def _draw_be(rng: np.random.Generator) -> Meaning:
    thing = _pick(rng, [name for name, thing in THINGS.items() if thing.adjectives])
    # TEA RED and WATER BIG are names of other things, not qualities
    quality = _pick_adjective(rng, [word for word in THINGS[thing].adjectives if (thing, word) != ('tea', 'RED')])
    owner = _draw_subject(rng) if THINGS[thing].owned and rng.random() < 0.75 else ''
    time = _pick(rng, ('always', 'yesterday', 'now', 'last night', 'yesterday morning'), (3, 2, 2, 1, 1))
    return Meaning('be', time, owner, '', thing, quality, **_draw_polarity(rng))


def _draw_question(rng: np.random.Generator) -> Meaning:
    frame = _pick(rng, tuple(_QUESTION_SIGN))
    time = _draw_time(rng)
    action = _pick(rng, (*ACTIONS, 'go')) if frame != 'what' else _pick(rng, tuple(ACTIONS))
    mood = _pick(rng, ('', 'want', 'can'), (3, 1, 1))
    if action == 'go':
        place = '' if frame == 'where' else _pick(rng, tuple(PLACES))
        subject = '' if frame == 'who' else _draw_subject(rng)
        return Meaning(frame, time, subject, 'go', place, mood='want' if mood else '')
    if frame == 'what':
        return Meaning(frame, time, _draw_subject(rng), action, mood=mood)
    thing = _pick(rng, ACTIONS[action].objects)
    subject = '' if frame == 'who' else _draw_subject(rng)
    return Meaning(frame, time, subject, action, thing, _draw_modifier(rng, thing, 0.5), mood)


def draw_meaning(rng: np.random.Generator) -> Meaning:
    """Return a random meaning whose signs number 3 to 6."""
    drawers = (_draw_do, _draw_go, _draw_be, _draw_question)
    while True:
        meaning = _pick(rng, drawers, (52, 13, 15, 20))(rng)
        if SHORTEST <= len(glosses_of(meaning)) <= LONGEST:
            return meaning

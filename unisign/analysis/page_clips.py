"""The clips that a page shows: which, how good each is, and where its text differs from the reference."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from unisign.evaluation import Prediction
from unisign.evaluation.functional import (
    align_jiwer,
    count_steps,
    is_character_language,
    prepare_reference,
    sentence_bleus,
)
from unisign.evaluation.functional import prepare_hypothesis as prepare
from unisign.structures import DataError

WHICH = ('worst', 'best', 'first', 'random')
SCORE_NAMES = {'islr': 'Answer', 'cslr': 'WER', 'slt': 'BLEU-4'}


@dataclass(frozen=True)
class Piece:
    """A piece of a text, with the space behind it.

    Attributes:
        text: the piece.
        differs: whether the other text lacks it.
    """

    text: str
    differs: bool


@dataclass(frozen=True)
class ShownClip:
    """One clip of a page.

    Attributes:
        prediction: what was predicted.
        lang: language of its texts; '' if nobody says.
        score: percent right, word error rate in percent, or BLEU-4 of the sentence; infinite for answers to nothing.
        correct: whether it is answered as the reference says.
        reference: the reference in pieces; those differ that the answer lacks.
        answer: the answer in pieces; those differ that do not belong.
    """

    prediction: Prediction
    lang: str
    score: float
    correct: bool
    reference: tuple[Piece, ...]
    answer: tuple[Piece, ...]


def choose_clips(
    task: str, clips: Sequence[Prediction], langs: Sequence[str], which: str = 'worst', limit: int = 100, seed: int = 0
) -> list[ShownClip]:
    """Return the clips to show, with their scores.

    Args:
        task: ``islr``, ``cslr`` or ``slt``.
        clips: one prediction per clip.
        langs: the language of each; '' if nobody says.
        which: ``worst`` or ``best`` by the clip's score (of equal ones those of which the model is surest, and least
            sure), ``first`` in the file, or ``random``.
        limit: at most so many.
        seed: of ``random``.

    Raises:
        DataError: for another ``which`` or a limit below 1.
    """
    if which not in WHICH:
        raise DataError('--which', f'{which!r} is unknown.', f'Choose one of {", ".join(WHICH)}.')
    if limit < 1:
        raise DataError('--limit', f'should be 1 or more, got {limit}.', 'A page needs a clip.')
    scores = _scores(task, clips, langs)
    places = list(range(len(clips)))
    if which == 'random':
        places = sorted(random.Random(seed).sample(places, min(limit, len(places))))
    elif which != 'first':
        sign = (-1 if task == 'cslr' else 1) * (1 if which == 'worst' else -1)
        sureness = [clip.score if clip.score is not None else 0.0 for clip in clips]
        places.sort(key=lambda place: (sign * scores[place], -sureness[place] if which == 'worst' else sureness[place]))
    return [_show(task, clips[place], langs[place], scores[place]) for place in places[:limit]]


def _scores(task: str, clips: Sequence[Prediction], langs: Sequence[str]) -> list[float]:
    if task == 'islr':
        return [100.0 * (clip.pred == clip.ref) for clip in clips]
    if task == 'slt':
        references = [prepare_reference(clip.ref, lang) for clip, lang in zip(clips, langs, strict=True)]
        answers = [prepare(clip.pred, lang) for clip, lang in zip(clips, langs, strict=True)]
        return [one.score for one in sentence_bleus(references, answers)]
    words = [clip.ref.split() for clip in clips]
    errors = [sum(count_steps(steps)) for steps in align_jiwer(words, [clip.pred.split() for clip in clips])]
    return [
        100 * number / len(own) if own else (math.inf if number else 0.0)
        for own, number in zip(words, errors, strict=True)
    ]


def _show(task: str, clip: Prediction, lang: str, score: float) -> ShownClip:
    wanted, written = _tokens(task, clip.ref, lang), _tokens(task, clip.pred, lang)
    steps = align_jiwer([[token.strip() for token in wanted]], [[token.strip() for token in written]])[0]
    lacking = iter(wanted)
    wrong = iter(written)
    reference = tuple(Piece(next(lacking), step.kind != 'match') for step in steps if step.reference is not None)
    answer = tuple(Piece(next(wrong), step.kind != 'match') for step in steps if step.hypothesis is not None)
    correct = clip.pred.split() == clip.ref.split() if task == 'cslr' else clip.pred == clip.ref
    return ShownClip(clip, lang, score, correct, reference, answer)


def _tokens(task: str, text: str, lang: str) -> list[str]:
    """Return a text in words, or characters where these are scored, each with a space behind it if there was one."""
    if task == 'islr':
        return [text] if text.strip() else []
    if task == 'slt' and is_character_language(lang):
        return [character for character in text if not character.isspace()]
    return [f'{word} ' for word in text.split()]

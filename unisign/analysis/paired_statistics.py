"""What the scores of a set are made of, clip by clip: sums over clips from which each score follows.

So a score of any resample of the clips is a matrix product away, and texts are looked at once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from sacrebleu.metrics import CHRF

from unisign.evaluation import Prediction
from unisign.evaluation.functional import (
    align_jiwer,
    bleu_of_counts,
    count_errors,
    count_steps,
    prepare_hypothesis,
    prepare_reference,
    sentence_bleus,
    sentence_rouge_l,
)
from unisign.evaluation.metrics import languages_of

# Scores that are compared, by task; the first one is that by which single clips are compared.
MAIN_SCORES = {
    'islr': ('top1_per_instance', 'top1_per_class', 'top5_per_instance'),
    'cslr': ('wer', 'wer_jiwer'),
    'slt': ('bleu4', 'rouge_l', 'chrf'),
}


@dataclass(frozen=True)
class PairedStatistics:
    """One score of two systems on the same clips.

    Attributes:
        name: the score's.
        a: float64 [N, K], what each clip of the first system adds.
        b: float64 [N, K], of the second.
        score: sums float64 [R, K], or [R, C, K] with ``classes``, to scores float64 [R].
        clip_scores: float64 [2, N], the score of each clip by itself, for the listing of clips.
        higher_is_better: False for error rates.
        classes: int64 [N], 0..C-1, where sums are per class; None: over all clips.
    """

    name: str
    a: np.ndarray
    b: np.ndarray
    score: Callable[[np.ndarray], np.ndarray]
    clip_scores: np.ndarray
    higher_is_better: bool = True
    classes: np.ndarray | None = None


def paired_statistics(
    task: str,
    first: Sequence[Prediction],
    second: Sequence[Prediction],
    names: Sequence[str] = (),
    lang: str | None = None,
) -> list[PairedStatistics]:
    """Return the statistics of the task's scores.

    Args:
        task: ``islr``, ``cslr`` or ``slt``.
        first: predictions of the first system.
        second: predictions of the second, the same clips in the same order.
        names: scores; empty for the main ones of the task (top-5 only where both systems have n-best lists).
        lang: language of all texts; None: that of each prediction. Only translation depends on it.

    Raises:
        DataError: for a translation whose language nobody names.
    """
    names = names or [
        name
        for name in MAIN_SCORES[task]
        if 'top5' not in name or all(any(clip.nbest for clip in clips) for clips in (first, second))
    ]
    if task == 'slt':
        return _translation(first, second, names, languages_of(list(first), lang))
    make = _recognition if task == 'islr' else _continuous
    return [make(name, first, second) for name in names]


def _recognition(name: str, *systems: Sequence[Prediction]) -> PairedStatistics:
    a, b = (np.array([_is_right(clip, name) for clip in clips], dtype=np.float64) for clips in systems)
    labels = {label: place for place, label in enumerate(dict.fromkeys(clip.ref for clip in systems[0]))}
    classes = np.array([labels[clip.ref] for clip in systems[0]]) if name.endswith('class') else None
    score = _mean_of_classes if classes is not None else _percent
    ones = np.ones(len(a))
    left, right = (np.stack([hits, ones], axis=1) for hits in (a, b))
    return PairedStatistics(name, left, right, score, 100 * np.stack([a, b]), classes=classes)


def _is_right(clip: Prediction, name: str) -> bool:
    if name.startswith('top1'):
        return clip.pred == clip.ref
    return clip.ref in ([text for text, _ in clip.nbest[:5]] or [clip.pred])


def _percent(sums: np.ndarray) -> np.ndarray:
    return 100 * sums[..., 0] / sums[..., 1]


def _mean_of_classes(sums: np.ndarray) -> np.ndarray:
    """Return the mean accuracy over the classes that a resample has (sums [R, C, 2])."""
    hits, counts = sums[..., 0], sums[..., 1]
    return 100 * np.divide(hits, counts, where=counts > 0, out=np.zeros_like(hits)).sum(1) / (counts > 0).sum(1)


def _continuous(name: str, *systems: Sequence[Prediction]) -> PairedStatistics:
    words = [clip.ref.split() for clip in systems[0]]
    lengths = np.array([len(own) for own in words], dtype=np.float64)
    errors = []
    for clips in systems:
        written = [clip.pred.split() for clip in clips]
        if name == 'wer_jiwer':
            counts = [count_steps(steps) for steps in align_jiwer(words, written)]
        else:
            counts = [count_errors(*pair) for pair in zip(words, written, strict=True)]
        errors.append(np.array([sum(one) for one in counts], dtype=np.float64))
    a, b = (np.stack([own, lengths], axis=1) for own in errors)
    clip_scores = 100 * np.stack(errors) / np.maximum(lengths, 1)
    return PairedStatistics(name, a, b, _rate, clip_scores, higher_is_better=False)


def _rate(sums: np.ndarray) -> np.ndarray:
    # A resample of clips without any reference gloss has no rate; it cannot occur unless such clips are the rule.
    return 100 * sums[..., 0] / np.maximum(sums[..., 1], 1)


def _translation(
    first: Sequence[Prediction], second: Sequence[Prediction], names: Sequence[str], langs: Sequence[str]
) -> list[PairedStatistics]:
    references = [prepare_reference(clip.ref, lang) for clip, lang in zip(first, langs, strict=True)]
    systems = [
        [prepare_hypothesis(clip.pred, lang) for clip, lang in zip(clips, langs, strict=True)]
        for clips in (first, second)
    ]
    makers = {'bleu4': _bleu, 'rouge_l': _rouge, 'chrf': _chrf}
    return [makers[name](references, systems) for name in names]


def _bleu(references: list[str], systems: list[list[str]]) -> PairedStatistics:
    found = [sentence_bleus(references, texts) for texts in systems]
    a, b = (
        np.array([(*one.counts, *one.totals, one.sys_len, one.ref_len) for one in own], dtype=np.float64)
        for own in found
    )
    clip_scores = np.array([[one.score for one in own] for own in found])
    return PairedStatistics('bleu4', a, b, _bleu_of_sums, clip_scores)


def _bleu_of_sums(sums: np.ndarray) -> np.ndarray:
    rows = sums.round().astype(int).tolist()
    return np.array([bleu_of_counts(row[:4], row[4:8], *row[8:])['bleu4'] for row in rows])


def _rouge(references: list[str], systems: list[list[str]]) -> PairedStatistics:
    clip_scores = np.array([sentence_rouge_l(references, texts) for texts in systems])
    a, b = (np.stack([own / 100, np.ones(len(own))], axis=1) for own in clip_scores)
    return PairedStatistics('rouge_l', a, b, _percent, clip_scores)


def _chrf(references: list[str], systems: list[list[str]]) -> PairedStatistics:
    metric = CHRF()  # it offers the counts of a sentence by this way alone, as its own significance tests take them
    a, b = (np.array(metric._extract_corpus_statistics(texts, [references]), dtype=np.float64) for texts in systems)

    def score(sums: np.ndarray) -> np.ndarray:
        return np.array([metric._compute_score_from_stats(row).score for row in sums.round().astype(int).tolist()])

    return PairedStatistics('chrf', a, b, score, np.stack([score(a), score(b)]))

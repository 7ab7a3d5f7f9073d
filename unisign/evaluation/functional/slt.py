"""Scores of sign language translation (spec.md, section 6)."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rouge import Rouge
from sacrebleu.metrics import BLEU, CHRF
from sacrebleu.metrics.bleu import BLEUScore

from unisign.evaluation.functional.pairs import check_pairs
from unisign.evaluation.functional.text_preparation import prepare_hypothesis, prepare_reference
from unisign.structures import DataError


def score_slt(references: Sequence[str], hypotheses: Sequence[str], langs: str | Sequence[str]) -> dict[str, float]:
    """Return BLEU-1..4, ROUGE-L and chrF of the whole set, each 0..100.

    Where the set holds several languages the scores of each language follow, with the language after an underscore
    (``bleu4_zh``); those without are over all clips, each prepared by the rule of its own language.

    Args:
        references: the sentence of each clip.
        hypotheses: the translation of each clip, same order; may be empty.
        langs: the language of all clips, or of each clip.

    Returns:
        ``bleu1`` .. ``bleu4``, ``rouge_l`` and ``chrf``.

    Raises:
        DataError: for an empty set or lists of unequal lengths.
    """
    check_pairs(references, hypotheses)
    langs = [langs] * len(references) if isinstance(langs, str) else list(langs)
    if len(langs) != len(references):
        raise DataError('scores', f'{len(references)} references but {len(langs)} languages.')
    references = [prepare_reference(*pair) for pair in zip(references, langs, strict=True)]
    hypotheses = [prepare_hypothesis(*pair) for pair in zip(hypotheses, langs, strict=True)]
    scores = _score_prepared(references, hypotheses)
    distinct = sorted(set(langs))
    for lang in distinct if len(distinct) > 1 else ():
        mine = [index for index, other in enumerate(langs) if other == lang]
        part = _score_prepared([references[i] for i in mine], [hypotheses[i] for i in mine])
        scores |= {f'{name}_{lang}': value for name, value in part.items()}
    return scores


def _score_prepared(references: Sequence[str], hypotheses: Sequence[str]) -> dict[str, float]:
    found = BLEU(max_ngram_order=4, tokenize='13a', force=True).corpus_score(list(hypotheses), [list(references)])
    scores = bleu_of_counts(found.counts, found.totals, found.sys_len, found.ref_len)
    return scores | {'rouge_l': rouge_l(references, hypotheses), 'chrf': chrf(references, hypotheses)}


def bleu_of_counts(
    counts: Sequence[int], totals: Sequence[int], hypothesis_length: int, reference_length: int
) -> dict[str, float]:
    """Return ``bleu1`` .. ``bleu4``, 0..100, from what was counted over a set, as ``bleu`` gives them.

    Args:
        counts: n-grams of the hypotheses that their references have too, for n from 1 to 4.
        totals: n-grams of the hypotheses, for n from 1 to 4.
        hypothesis_length: words of all hypotheses.
        reference_length: words of all references.
    """
    lengths = hypothesis_length, reference_length
    return {
        f'bleu{order}': BLEU.compute_bleu(
            list(counts[:order]), list(totals[:order]), *lengths, smooth_method='exp', max_ngram_order=order
        ).score
        for order in (1, 2, 3, 4)
    }


def sentence_bleus(references: Sequence[str], hypotheses: Sequence[str]) -> list[BLEUScore]:
    """Return BLEU-4 of each sentence by itself, with the counts it is made of (``score``, ``counts``, ``totals``, ..).

    The same tokenizer and smoothing as of the whole set, and ``sacrebleu``'s effective order: of a sentence in which no
    n-gram of some length is found, the shorter ones count alone. The sums of the counts over a set give the set's BLEU
    (``bleu_of_counts``); the mean of the sentences' scores does not.

    Args:
        references: as they are scored (``prepare_reference``).
        hypotheses: as they are scored (``prepare_hypothesis``), same order.

    Raises:
        DataError: for an empty set or lists of unequal lengths.
    """
    check_pairs(references, hypotheses)
    metric = BLEU(max_ngram_order=4, tokenize='13a', smooth_method='exp', effective_order=True, force=True)
    return [metric.sentence_score(text, [wanted]) for wanted, text in zip(references, hypotheses, strict=True)]


def bleu(references: Sequence[str], hypotheses: Sequence[str], order: int = 4) -> float:
    """Return corpus BLEU of n-grams up to ``order`` (``sacrebleu``: tokenizer 13a, exponential smoothing), 0..100.

    Raises:
        DataError: for an empty set or lists of unequal lengths.
    """
    check_pairs(references, hypotheses)
    # force: no warning about text that looks tokenised, as spaced Chinese does.
    metric = BLEU(max_ngram_order=order, tokenize='13a', smooth_method='exp', force=True)
    return metric.corpus_score(list(hypotheses), [list(references)]).score


def chrf(references: Sequence[str], hypotheses: Sequence[str]) -> float:
    """Return corpus chrF (``sacrebleu``: character 6-grams, beta 2, no word n-grams, spaces ignored), 0..100.

    Raises:
        DataError: for an empty set or lists of unequal lengths.
    """
    check_pairs(references, hypotheses)
    return CHRF().corpus_score(list(hypotheses), [list(references)]).score


def rouge_l(references: Sequence[str], hypotheses: Sequence[str]) -> float:
    """Return ROUGE-L, the F of the ``rouge`` package averaged over the pairs, 0..100.

    A pair that the package cannot score, one side being empty or dots only, counts 0 and stays in the mean.

    Raises:
        DataError: for an empty set or lists of unequal lengths.
    """
    return sum(sentence_rouge_l(references, hypotheses)) / len(references)


def sentence_rouge_l(references: Sequence[str], hypotheses: Sequence[str]) -> list[float]:
    """Return ROUGE-L of each pair, 0..100 (see ``rouge_l``, which is their mean).

    Raises:
        DataError: for an empty set or lists of unequal lengths.
    """
    check_pairs(references, hypotheses)
    scorer = Rouge(metrics=['rouge-l'])
    scores = []
    for reference, hypothesis in zip(references, hypotheses, strict=True):
        score = 0.0
        if _has_sentence(reference) and _has_sentence(hypothesis):
            with _recursion_depth(len(reference.split()) + len(hypothesis.split())):
                score = scorer.get_scores([hypothesis], [reference])[0]['rouge-l']['f']
        scores.append(100 * score)
    return scores


def _has_sentence(text: str) -> bool:
    """Tell whether the ``rouge`` package, which splits at dots, finds anything in ``text``."""
    return bool(text.replace('.', ''))


@contextmanager
def _recursion_depth(needed: int) -> Iterator[None]:
    """Let the ``rouge`` package recurse once per word: long texts would meet Python's limit."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, before + needed))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)

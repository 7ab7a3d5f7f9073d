"""Scores of continuous sign recognition (spec.md, section 6)."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import Literal

import jiwer

from unisign.evaluation.functional.alignment import ErrorCounts, Step, count_errors
from unisign.evaluation.functional.pairs import check_pairs
from unisign.structures import DataError


def score_cslr(references: Sequence[str], hypotheses: Sequence[str]) -> dict[str, float]:
    """Return word error rates of the whole set, in percent, by both alignments.

    Errors are summed over the set and divided by the number of reference words; a rate can exceed 100.

    Args:
        references: glosses of each clip, separated by spaces; an empty one makes every predicted gloss an insertion.
        hypotheses: predicted glosses of each clip, same order; may be empty.

    Returns:
        ``wer_jiwer``, ``del_rate_jiwer``, ``ins_rate_jiwer``, ``sub_rate_jiwer``: the word error rate proper, from
        the edit distance (the ``jiwer`` package). ``wer``, ``del_rate``, ``ins_rate``, ``sub_rate``: the same from
        the alignment behind the published results (see ``alignment.py``), never lower; compare these with papers.

    Raises:
        DataError: for an empty set, lists of unequal lengths, or references without a single word.
    """
    check_pairs(references, hypotheses)
    reference_words = [text.split() for text in references]
    hypothesis_words = [text.split() for text in hypotheses]
    total = sum(map(len, reference_words))
    if total == 0:
        raise DataError('scores', f'the {len(references)} references hold no gloss, so no error rate is defined.')
    published = [count_errors(*pair) for pair in zip(reference_words, hypothesis_words, strict=True)]
    return {
        **_rates(ErrorCounts(*map(sum, zip(*published, strict=True))), total, ''),
        **_rates(_jiwer_errors(reference_words, hypothesis_words), total, '_jiwer'),
    }


def align_jiwer(references: Sequence[Sequence[str]], hypotheses: Sequence[Sequence[str]]) -> list[list[Step]]:
    """Return, for each pair of word sequences, an alignment of the fewest errors (``jiwer``), first word to last.

    Args:
        references: the words of each clip, without spaces in them; may be empty.
        hypotheses: the words that were written, same order.
    """
    names: dict[str, Literal['match', 'substitution', 'deletion', 'insertion']] = {
        'equal': 'match', 'substitute': 'substitution', 'delete': 'deletion', 'insert': 'insertion',
    }  # fmt: skip
    found = []
    for reference, hypothesis, chunks in zip(
        references, hypotheses, _process(references, hypotheses).alignments, strict=True
    ):
        steps: list[Step] = []
        for chunk in chunks:
            wanted = reference[chunk.ref_start_idx : chunk.ref_end_idx]
            written = hypothesis[chunk.hyp_start_idx : chunk.hyp_end_idx]
            kind = names[chunk.type]
            steps += [Step(kind, *pair) for pair in zip_longest(wanted, written)]
        found.append(steps)
    return found


def _jiwer_errors(references: list[list[str]], hypotheses: list[list[str]]) -> ErrorCounts:
    output = _process(references, hypotheses)
    return ErrorCounts(output.substitutions, output.deletions, output.insertions)


def _process(references: Sequence[Sequence[str]], hypotheses: Sequence[Sequence[str]]) -> jiwer.WordOutput:
    return jiwer.process_words([' '.join(words) for words in references], [' '.join(words) for words in hypotheses])


def _rates(errors: ErrorCounts, total: int, suffix: str) -> dict[str, float]:
    return {
        f'wer{suffix}': 100 * sum(errors) / total,
        f'del_rate{suffix}': 100 * errors.deletions / total,
        f'ins_rate{suffix}': 100 * errors.insertions / total,
        f'sub_rate{suffix}': 100 * errors.substitutions / total,
    }

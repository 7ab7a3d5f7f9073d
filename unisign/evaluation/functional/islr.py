"""Scores of isolated sign recognition (spec.md, section 6)."""

from collections import defaultdict
from collections.abc import Sequence

from unisign.evaluation.functional.pairs import check_pairs
from unisign.structures import DataError


def score_islr(
    references: Sequence[str],
    hypotheses: Sequence[str],
    nbest: Sequence[Sequence[str]] | None = None,
) -> dict[str, float]:
    """Return top-1 (and top-5) accuracy per instance and per class, in percent.

    A prediction counts only if it equals the reference exactly: no case folding, no trimming. The classes are the
    distinct references; "per class" is the mean over them of the accuracy within the class.

    Args:
        references: the word of each clip.
        hypotheses: the predicted word of each clip, same order.
        nbest: for each clip its candidates, best first; of each the first five are used. A clip without candidates
            (it could not be read) has its hypothesis alone. None leaves top-5 out.

    Returns:
        ``top1_per_instance`` and ``top1_per_class``; with ``nbest`` also ``top5_per_instance`` and ``top5_per_class``.

    Raises:
        DataError: for an empty set or lists of unequal lengths.
    """
    check_pairs(references, hypotheses)
    top1 = [reference == hypothesis for reference, hypothesis in zip(references, hypotheses, strict=True)]
    scores = _accuracies('top1', references, top1)
    if nbest is not None:
        if len(nbest) != len(references):
            raise DataError('scores', f'{len(references)} references but {len(nbest)} n-best lists.')
        candidates = [list(best[:5]) or [hypothesis] for best, hypothesis in zip(nbest, hypotheses, strict=True)]
        top5 = [reference in best for reference, best in zip(references, candidates, strict=True)]
        scores |= _accuracies('top5', references, top5)
    return scores


def _accuracies(name: str, references: Sequence[str], correct: Sequence[bool]) -> dict[str, float]:
    by_class: dict[str, list[bool]] = defaultdict(list)
    for reference, hit in zip(references, correct, strict=True):
        by_class[reference].append(hit)
    per_class = [sum(hits) / len(hits) for hits in by_class.values()]
    return {
        f'{name}_per_instance': 100 * sum(correct) / len(correct),
        f'{name}_per_class': 100 * sum(per_class) / len(per_class),
    }

"""The word alignment behind the published error rates of continuous recognition (spec.md, section 6).

Published results align reference and hypothesis with costs 3 (insertion), 3 (deletion) and 4 (substitution) and then
count each error as one. Since a substitution costs less than an insertion and a deletion together but more than either,
this alignment can hold more errors than the edit distance: ``f f a c e`` against ``c g e h b`` has 6 here and 5 there.
"""

from collections.abc import Sequence
from typing import NamedTuple

INSERTION_COST, DELETION_COST, SUBSTITUTION_COST = 3, 3, 4


class ErrorCounts(NamedTuple):
    """How often each kind of error occurs."""

    substitutions: int
    deletions: int
    insertions: int


def count_errors(reference: Sequence[str], hypothesis: Sequence[str]) -> ErrorCounts:
    """Count the errors of the cheapest 3/3/4 alignment of two word sequences.

    Of several cheapest alignments the one is taken that, read from the end, prefers a match, then an insertion, then
    a substitution, then a deletion.

    Args:
        reference: words that should have been written; may be empty.
        hypothesis: words that were written; may be empty.
    """
    costs = _cost_table(reference, hypothesis)
    i, j = len(reference), len(hypothesis)
    substitutions = deletions = insertions = 0
    while i or j:
        if i and j and reference[i - 1] == hypothesis[j - 1] and costs[i][j] == costs[i - 1][j - 1]:
            i, j = i - 1, j - 1
        elif j and costs[i][j] == costs[i][j - 1] + INSERTION_COST:
            j, insertions = j - 1, insertions + 1
        elif i and j and costs[i][j] == costs[i - 1][j - 1] + SUBSTITUTION_COST:
            i, j, substitutions = i - 1, j - 1, substitutions + 1
        else:
            i, deletions = i - 1, deletions + 1
    return ErrorCounts(substitutions, deletions, insertions)


def _cost_table(reference: Sequence[str], hypothesis: Sequence[str]) -> list[list[int]]:
    """Return costs[i][j]: the cheapest alignment of the first i reference words with the first j hypothesis words."""
    costs = [[j * INSERTION_COST for j in range(len(hypothesis) + 1)]]
    for i, word in enumerate(reference, start=1):
        above, row = costs[-1], [i * DELETION_COST]
        for j, other in enumerate(hypothesis, start=1):
            diagonal = above[j - 1] + (0 if word == other else SUBSTITUTION_COST)
            row.append(min(diagonal, above[j] + DELETION_COST, row[-1] + INSERTION_COST))
        costs.append(row)
    return costs

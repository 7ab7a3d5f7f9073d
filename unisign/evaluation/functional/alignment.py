"""The word alignment behind the published error rates of continuous recognition (spec.md, section 6).

Published results align reference and hypothesis with costs 3 (insertion), 3 (deletion) and 4 (substitution) and then
count each error as one. Since a substitution costs less than an insertion and a deletion together but more than either,
this alignment can hold more errors than the edit distance: ``f f a c e`` against ``c g e h b`` has 6 here and 5 there.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

INSERTION_COST, DELETION_COST, SUBSTITUTION_COST = 3, 3, 4


class ErrorCounts(NamedTuple):
    """How often each kind of error occurs."""

    substitutions: int
    deletions: int
    insertions: int


class Step(NamedTuple):
    """One column of an alignment.

    Attributes:
        kind: what happened to the word.
        reference: the word that should have been written; None for an insertion.
        hypothesis: the word that was written; None for a deletion.
    """

    kind: Literal['match', 'substitution', 'deletion', 'insertion']
    reference: str | None
    hypothesis: str | None


def count_errors(reference: Sequence[str], hypothesis: Sequence[str]) -> ErrorCounts:
    """Count the errors of the cheapest 3/3/4 alignment of two word sequences (see ``align``).

    Args:
        reference: words that should have been written; may be empty.
        hypothesis: words that were written; may be empty.
    """
    return count_steps(align(reference, hypothesis))


def count_steps(steps: Sequence[Step]) -> ErrorCounts:
    """Count the errors of an alignment."""
    kinds = [step.kind for step in steps]
    return ErrorCounts(kinds.count('substitution'), kinds.count('deletion'), kinds.count('insertion'))


def align(reference: Sequence[str], hypothesis: Sequence[str]) -> list[Step]:
    """Return the cheapest 3/3/4 alignment of two word sequences, from their first words to their last.

    Of several cheapest alignments the one is taken that, read from the end, prefers a match, then an insertion, then
    a substitution, then a deletion.

    Args:
        reference: words that should have been written; may be empty.
        hypothesis: words that were written; may be empty.
    """
    costs = _cost_table(reference, hypothesis)
    i, j = len(reference), len(hypothesis)
    steps: list[Step] = []
    while i or j:
        if i and j and reference[i - 1] == hypothesis[j - 1] and costs[i][j] == costs[i - 1][j - 1]:
            i, j = i - 1, j - 1
            steps.append(Step('match', reference[i], hypothesis[j]))
        elif j and costs[i][j] == costs[i][j - 1] + INSERTION_COST:
            j -= 1
            steps.append(Step('insertion', None, hypothesis[j]))
        elif i and j and costs[i][j] == costs[i - 1][j - 1] + SUBSTITUTION_COST:
            i, j = i - 1, j - 1
            steps.append(Step('substitution', reference[i], hypothesis[j]))
        else:
            i -= 1
            steps.append(Step('deletion', reference[i], None))
    return steps[::-1]


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

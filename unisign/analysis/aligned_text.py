"""An alignment in columns for the terminal, where Chinese characters are two columns wide."""

from collections.abc import Sequence

from unisign.analysis.text_table import display_width, pad
from unisign.evaluation.functional import Step

_MARKS = {'match': '', 'substitution': 'S', 'deletion': 'D', 'insertion': 'I'}
_ROWS = ('REF', 'HYP', '')
_GAP = 2


def aligned_lines(steps: Sequence[Step], width: int = 100) -> list[str]:
    """Return reference, answer and the marks S, D, I below each other, in blocks that fit ``width`` columns.

    A word that is missing on one side is a row of ``*`` there. A block without an error has no row of marks.
    """
    lines: list[str] = []
    block: list[tuple[str, str, str]] = []
    used = len(_ROWS[0])
    for step in steps:
        column = _column(step)
        needed = _GAP + max(map(display_width, column))
        if block and used + needed > width:
            lines += _block(block)
            block, used = [], len(_ROWS[0])
        block.append(column)
        used += needed
    return lines + _block(block)


def _column(step: Step) -> tuple[str, str, str]:
    reference, hypothesis = step.reference, step.hypothesis
    gap = '*' * max(display_width(word) for word in (reference, hypothesis) if word is not None)
    return gap if reference is None else reference, gap if hypothesis is None else hypothesis, _MARKS[step.kind]


def _block(columns: Sequence[tuple[str, str, str]]) -> list[str]:
    widths = [max(map(display_width, column)) for column in columns]
    lines = []
    for row, name in enumerate(_ROWS):
        cells = (pad(column[row], width) for column, width in zip(columns, widths, strict=True))
        lines.append((' ' * _GAP).join([pad(name, len(_ROWS[0])), *cells]).rstrip())
    return [line for line in lines if line]

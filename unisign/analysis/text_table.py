"""Tables for the terminal, aligned also where a text has Chinese characters, which are two columns wide."""

import unicodedata
from collections.abc import Sequence

_ONE_LINE = str.maketrans('\t\n\r', '   ')


def display_width(text: str) -> int:
    """Return how many terminal columns a text takes."""
    wide = sum(unicodedata.east_asian_width(character) in 'WF' for character in text)
    joined = sum(unicodedata.combining(character) > 0 for character in text)
    return len(text) + wide - joined


def pad(text: str, width: int) -> str:
    """Return ``text`` with spaces behind it up to ``width`` columns."""
    return text + ' ' * (width - display_width(text))


def shorten(text: str, width: int) -> str:
    """Return ``text``, cut with an ellipsis where it is wider than ``width`` columns."""
    if display_width(text) <= width:
        return text
    kept = ''
    for character in text:
        if display_width(kept + character) > width - 1:
            break
        kept += character
    return kept + '…'


def format_table(header: Sequence[str], rows: Sequence[Sequence[str]], widest: int = 60) -> str:
    """Return a table with a rule below its header.

    Tabs and newlines become spaces; a cell wider than ``widest`` columns is cut.
    """
    cells = [[shorten(cell.translate(_ONE_LINE), widest) for cell in row] for row in (header, *rows)]
    widths = [max(display_width(row[column]) for row in cells) for column in range(len(header))]
    lines = ['  '.join(pad(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    rule = '  '.join('-' * width for width in widths)
    return '\n'.join([lines[0], rule, *lines[1:]])

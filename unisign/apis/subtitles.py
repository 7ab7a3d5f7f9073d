"""Subtitles that can be read: lines, times, and files (SRT, WebVTT)."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import zip_longest
from pathlib import Path

from unisign.structures import DataError

FORMATS = {'.srt': 'srt', '.vtt': 'vtt'}
# No line begins with these (closing quotes and brackets too), nor ends with those.
_NOT_FIRST = '，。！？、；：」』）》…,.!?;:)'
_NOT_LAST = '「『（《('


@dataclass(frozen=True)
class SubtitleRule:
    """How subtitles are set. Chinese characters count as two, as they are twice as wide.

    Attributes:
        columns: longest line.
        lines: most lines; a longer text becomes several subtitles, one after the other.
        shortest: seconds that each stays, if the next one leaves the time.
        reading_speed: columns per second that are read; a longer text stays longer, if the next one leaves the time.

    Raises:
        ValueError: if a line has no room for two characters, or one of the others is not above 0.
    """

    columns: int = 42
    lines: int = 2
    shortest: float = 1.0
    reading_speed: float = 20.0

    def __post_init__(self) -> None:
        if self.columns < 4 or self.lines < 1 or self.shortest < 0 or not self.reading_speed > 0:
            raise ValueError(f'subtitles need columns of 4 or more, lines, and times above 0, got {self}')


@dataclass(frozen=True)
class Subtitle:
    """One subtitle: seconds from the start of the video, and lines divided by newlines."""

    start: float
    end: float
    text: str


def set_subtitles(texts: Iterable[tuple[float, float, str]], rule: SubtitleRule | None = None) -> list[Subtitle]:
    """Return subtitles for texts with times.

    None overlaps the next one: what goes on when the next begins ends there. Texts without words are left out, and the
    one before stays as long as they last.

    Args:
        texts: (start, end, text) in seconds, by start.
        rule: how they are set.
    """
    rule = rule or SubtitleRule()
    spoken: list[tuple[float, float, str]] = []
    for start, end, text in texts:
        text = ' '.join(text.split())
        if text:
            spoken.append((start, end, text))
        elif spoken and start <= spoken[-1][1]:
            spoken[-1] = (spoken[-1][0], max(end, spoken[-1][1]), spoken[-1][2])
    found: list[Subtitle] = []
    for index, (start, end, text) in enumerate(spoken):
        latest = spoken[index + 1][0] if index + 1 < len(spoken) else float('inf')
        wanted = max(end, start + rule.shortest, start + text_width(text) / rule.reading_speed)
        found += _set_one(start, min(wanted, latest), text, rule)
    return found


def wrap(text: str, columns: int) -> list[str]:
    """Return lines of at most ``columns``; Chinese characters count as two.

    Lines are broken at spaces, and beside Chinese characters, but not before closing nor behind opening punctuation. A
    word that is longer than a line is broken.
    """
    lines, line = [], ''
    for piece in _pieces(text):
        if text_width((line + piece).strip()) > columns and line.strip():
            lines.append(line.strip())
            line = ''
        line += piece
        while text_width(line.strip()) > columns:  # a word longer than a line
            fits = next(i for i in range(len(line), 0, -1) if text_width(line[:i]) <= columns)
            lines.append(line[:fits])
            line = line[fits:]
    return [*lines, line.strip()] if line.strip() else lines


def text_width(text: str) -> int:
    """Return how many columns a text takes: two for wide characters, such as Chinese ones."""
    return sum(2 if unicodedata.east_asian_width(letter) in 'WF' else 1 for letter in text)


def write_subtitles(path: str | Path, subtitles: Sequence[Subtitle]) -> None:
    """Write a file for players, ``.srt`` or ``.vtt``; without subtitles it is empty, and valid.

    Raises:
        DataError: for another suffix, or if pysubs2 is not installed.
    """
    kind = subtitle_format(path)
    try:
        import pysubs2
    except ImportError as error:
        raise DataError(
            path, 'subtitles are written by pysubs2, which is not installed.', 'pip install pysubs2'
        ) from error
    file = pysubs2.SSAFile()
    for subtitle in subtitles:
        text = subtitle.text.replace('\\', '/')  # pysubs2 reads \N and the like as signs of its own
        if kind == 'vtt':
            text = text.replace('&', '&amp;').replace('<', '&lt;').replace('>', '&gt;')
        start, end = round(subtitle.start * 1000), round(subtitle.end * 1000)
        file.append(pysubs2.SSAEvent(start=start, end=end, text=text.replace('\n', r'\N')))
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(file.to_string(kind, keep_ssa_tags=True), encoding='utf-8')


def subtitle_format(path: str | Path) -> str:
    """Return ``srt`` or ``vtt`` for a file's name; a good thing to ask before a long video is translated.

    Raises:
        DataError: for another suffix, or if pysubs2, which writes the files, is not installed.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        raise DataError(path, f'the name of a file with subtitles ends in {" or ".join(FORMATS)}.', 'Rename it.')
    if find_spec('pysubs2') is None:
        raise DataError(path, 'pysubs2, which writes subtitles, is not installed.', 'pip install pysubs2')
    return FORMATS[suffix]


def _set_one(start: float, end: float, text: str, rule: SubtitleRule) -> list[Subtitle]:
    """Return the subtitles of one text, each as long as its share of the text."""
    lines = wrap(text, rule.columns)
    if len(lines) <= rule.lines:
        lines = _balanced(text, len(lines), rule.columns)
    parts = [lines[i : i + rule.lines] for i in range(0, len(lines), rule.lines)]
    widths = [sum(map(text_width, part)) for part in parts]
    bounds = [start + (end - start) * sum(widths[:i]) / sum(widths) for i in range(len(parts) + 1)]
    return [Subtitle(bounds[i], bounds[i + 1], '\n'.join(part)) for i, part in enumerate(parts)]


def _balanced(text: str, count: int, columns: int) -> list[str]:
    """Return ``text`` in ``count`` lines that are about equally long."""
    least = -(-text_width(text) // count)
    return next(lines for width in range(least, columns + 1) if len(lines := wrap(text, width)) <= count)


def _pieces(text: str) -> list[str]:
    """Return the pieces of a text between which a line may be broken, with their spaces behind them."""
    pieces, piece = [], ''
    for letter, following in zip_longest(text, text[1:], fillvalue=''):
        piece += letter
        wide = 'W' in (unicodedata.east_asian_width(letter), unicodedata.east_asian_width(following or 'a'))
        may_break = letter == ' ' or (wide and letter not in _NOT_LAST)
        if may_break and following != ' ' and following not in tuple(_NOT_FIRST):
            pieces.append(piece)
            piece = ''
    return [*pieces, piece] if piece else pieces

"""Code blocks, links and headings of Markdown files."""

import re
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r'^```(\w*)\s*$')
LINK = re.compile(r'!?\[[^\]]*\]\(([^)\s]+)\)')
NOT_RUN = re.compile(r'<!-- not run: (.+) -->')


@dataclass(frozen=True)
class Block:
    """One fenced block.

    Attributes:
        path: the file it stands in.
        line: number of its first line of code.
        language: what follows the fence; '' if nothing.
        code: its text.
        not_run: the reason in a ``<!-- not run: REASON -->`` just above, or None.
    """

    path: Path
    line: int
    language: str
    code: str
    not_run: str | None

    def __str__(self) -> str:
        return f'{self.path.name}:{self.line}'


def blocks_of(path: Path) -> list[Block]:
    """Return all fenced blocks of a file, in order."""
    blocks, language, start, above = [], None, 0, ''
    lines = path.read_text(encoding='utf-8').splitlines()
    for number, line in enumerate(lines, start=1):
        fence = FENCE.match(line.strip())
        if fence and language is None:
            language, start = fence[1], number
            above = lines[number - 2] if number > 1 else ''
        elif fence:
            reason = NOT_RUN.search(above)
            code = '\n'.join(lines[start : number - 1])
            blocks.append(Block(path, start + 1, language, code, reason[1] if reason else None))
            language = None
    if language is not None:
        raise ValueError(f'{path}: the fence of line {start} is never closed')
    return blocks


def prose_of(path: Path) -> str:
    """Return a file's text without its fenced blocks."""
    kept, inside = [], False
    for line in path.read_text(encoding='utf-8').splitlines():
        if FENCE.match(line.strip()):
            inside = not inside
        elif not inside:
            kept.append(line)
    return '\n'.join(kept)


def links_of(path: Path) -> list[str]:
    """Return the targets of all links and pictures outside code blocks."""
    return LINK.findall(prose_of(path))


def anchors_of(path: Path) -> set[str]:
    """Return the anchors of a file's headings, as GitHub makes them."""
    headings = re.findall(r'^#+ (.+)$', prose_of(path), flags=re.MULTILINE)
    return {re.sub(r'[^\w\- ]', '', heading.lower()).strip().replace(' ', '-') for heading in headings}

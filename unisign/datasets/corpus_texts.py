"""The texts of a corpus, for tokenizers: out of annotation files, or plain text files."""

import json
from collections.abc import Iterable
from pathlib import Path

from unisign.structures import DataError


def read_texts(paths: Iterable[str | Path]) -> tuple[list[str], set[str]]:
    """Return the texts and glosses of annotation files, and the languages they name.

    Raises:
        DataError: if a file is missing or no UTF-8 text, or a line is no JSON object.
    """
    texts, languages = [], set()
    for path in map(Path, paths):
        for number, line in enumerate(read_lines(path, 'annotations, JSON Lines'), start=1):
            if not line.strip():
                continue
            entry = _entry(line, f'{path}, line {number}')
            texts += [entry.get('text') or '', ' '.join(entry.get('gloss') or [])]
            if entry.get('lang'):
                languages.add(entry['lang'])
    return texts, languages


def read_corpus(paths: Iterable[str | Path]) -> list[str]:
    """Return the texts of ``.jsonl`` files (annotations: texts and glosses) and of others (UTF-8, a text a line).

    Empty ones are left out.

    Raises:
        DataError: as ``read_texts``.
    """
    texts: list[str] = []
    for path in map(Path, paths):
        found = read_texts([path])[0] if path.suffix == '.jsonl' else read_lines(path, 'a text a line')
        texts += [text.strip() for text in found if text.strip()]
    return texts


def read_lines(path: str | Path, expected: str) -> list[str]:
    """Return the lines of a UTF-8 file.

    Args:
        path: the file.
        expected: what stands in it, for errors.

    Raises:
        DataError: if it is missing or no UTF-8 text.
    """
    try:
        return [line.rstrip('\r') for line in Path(path).read_text(encoding='utf-8').split('\n')]
    except FileNotFoundError:
        raise DataError(path, f'no such file; expected {expected}.', 'Check the path.') from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(path, f'cannot be read as UTF-8 text ({error}).', f'Give a file with {expected}.') from error


def _entry(line: str, source: str) -> dict:
    try:
        entry = json.loads(line)
        problem = '' if isinstance(entry, dict) else f'a {type(entry).__name__}'
    except json.JSONDecodeError as error:
        problem = str(error)
    if problem:
        raise DataError(source, f'not a JSON object ({problem}).', 'Write one object a line.')
    return entry

"""Reading the files of a corpus: every error names the file and the line, entry or key."""

import csv
import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from unisign.datasets.conversion.entry_values import SPLIT_NAMES
from unisign.stores.restricted_pickle import loads_restricted
from unisign.structures import DataError


def find_file(folder: Path, *patterns: str) -> Path:
    """Return the only file of ``folder`` that the first matching one of ``patterns`` finds.

    Raises:
        DataError: if there is none, or more than one.
    """
    for pattern in patterns:
        found = sorted(folder.glob(pattern))
        if len(found) > 1:
            names = ', '.join(path.name for path in found)
            raise DataError(folder, f'more than one file is called {pattern}: {names}.', 'Leave one of them there.')
        if found:
            return found[0]
    present = sorted(path.name for path in folder.iterdir())[:20] if folder.is_dir() else 'no such folder'
    raise DataError(
        folder,
        f'expected a file called {" or ".join(patterns)}, found {present}.',
        'Give the folder with the annotation files of the corpus; docs/datasets.md lists them.',
    )


def find_splits(folder: Path, *patterns: str) -> dict[str, Path]:
    """Return the file of each split; ``{split}`` in ``patterns`` stands for train, dev (val, valid) or test.

    Raises:
        DataError: if there is none for train and none for test, or several for one split.
    """
    files: dict[str, Path] = {}
    for name, split in SPLIT_NAMES.items():
        for pattern in patterns:
            if split not in files and any(folder.glob(pattern.format(split=name))):
                files[split] = find_file(folder, pattern.format(split=name))
    if not files:
        find_file(folder, *(pattern.format(split='train') for pattern in patterns))
    return files


def read_text(path: Path) -> str:
    """Return the UTF-8 text of a file.

    Raises:
        DataError: if it cannot be read or is no UTF-8.
    """
    try:
        return path.read_text(encoding='utf-8-sig')
    except OSError as error:
        raise DataError(path, f'the file cannot be read ({error.strerror or error}).', 'Check the path.') from error
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b'\n') + 1
        place = f'{path}, line {line}'
        raise DataError(place, f'this is no UTF-8 text ({error.reason}).', 'Save it as UTF-8.') from error


def read_json(path: Path, kind: type) -> Any:
    """Return the content of a JSON file, a ``kind`` (list or dict) at the top.

    Raises:
        DataError: if it is no JSON, or something else is at the top.
    """
    try:
        content = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise DataError(
            f'{path}, line {error.lineno}', f'this is no JSON ({error.msg}).', 'Download the file again.'
        ) from error
    if not isinstance(content, kind):
        raise DataError(path, f'expected a {kind.__name__} at the top, got a {type(content).__name__}.')
    return content


def read_pickle(path: Path) -> Any:
    """Return what a pickle file holds, gzip'd or not; nothing in it is run.

    Raises:
        DataError: if it cannot be read, is truncated, or asks for more than data.
    """
    try:
        data = path.read_bytes()
        if data[:2] == b'\x1f\x8b':
            data = gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(path, f'the file cannot be read ({error}).', 'Is it truncated? Download it again.') from error
    return loads_restricted(data, path)


def read_table(path: Path, columns: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[int, dict[str, str]]]:
    r"""Yield line number and values of each row of a table with a header: separated by tab, ``|`` or comma.

    Only tables with commas are quoted. In the others a quote is a letter like any other, but a value that a spreadsheet
    quoted, with its own quotes doubled, is restored.

    Args:
        path: the file.
        columns: what to call a value, and the names its column may have; matched without regard to case.

    Raises:
        DataError: if a column is missing, or a row has another number of values than the header.
    """
    lines = read_text(path).split('\n')
    separator = next((letter for letter in '\t|,' if letter in lines[0]), '\t')
    header = [name.strip().strip('"').lower() for name in lines[0].split(separator)]
    place = {}
    for key, names in columns.items():
        found = [header.index(name.lower()) for name in names if name.lower() in header]
        if not found:
            raise DataError(
                f'{path}, line 1',
                f'no column {" or ".join(names)}; found {header}.',
                'Give the file as the corpus publishes it; docs/datasets.md shows its columns.',
            )
        place[key] = found[0]
    if separator == ',':
        reader = csv.reader(lines)
        rows = ((reader.line_num, row) for row in reader)
    else:
        rows = (
            (number, [_unquoted(value) for value in line.rstrip('\r').split(separator)])
            for number, line in enumerate(lines, 1)
        )
    for number, row in rows:
        if number == 1 or not any(row):
            continue
        if len(row) != len(header):
            raise DataError(
                f'{path}, line {number}', f'expected {len(header)} values as in line 1, got {len(row)}.', 'Correct it.'
            )
        yield number, {key: row[index].strip() for key, index in place.items()}


def _unquoted(value: str) -> str:
    inner = value[1:-1]
    quoted = len(value) > 2 and value[0] == value[-1] == '"' and '""' in inner and '"' not in inner.replace('""', '')
    return inner.replace('""', '"') if quoted else value

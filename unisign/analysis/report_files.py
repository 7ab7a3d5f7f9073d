"""What all reports share: texts as cells, tables and JSON as files."""

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from unisign.evaluation import Prediction
from unisign.structures import DataError

NOTHING = '(nothing)'


def shown(text: str) -> str:
    """Return a predicted text as a table shows it: an empty one in words."""
    return text or NOTHING


def cut(rows: Sequence, number: int) -> str:
    """Return the words for a title that say how many of ``rows`` are shown; '' if all are."""
    return f' ({number} of {len(rows)})' if len(rows) > number else ''


def check_references(source: str | Path, clips: Sequence[Prediction], each: bool = True) -> None:
    """Check that there is something to compare predictions with.

    Args:
        source: the file they came from.
        clips: predictions.
        each: every clip must have a reference; otherwise one that has is enough.

    Raises:
        DataError: if there is not.
    """
    without = [clip.id for clip in clips if not clip.ref]
    if without and (each or len(without) == len(clips)):
        raise DataError(
            source,
            f'{len(without)} of {len(clips)} predictions have no reference (first: {without[0]!r}).',
            'Test on annotations that have the texts, or take these lines out.',
        )


def make_folder(path: str | Path) -> Path:
    """Return the folder, made if it is not there.

    Raises:
        DataError: if it cannot be made.
    """
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(path, f'cannot be made as a folder ({error.strerror}).', 'Choose another --out.') from error
    return path


def write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a CSV file (UTF-8, lines end with a newline); the numbers with all their digits."""
    with path.open('w', encoding='utf-8', newline='') as file:
        writer = csv.writer(file, lineterminator='\n')
        writer.writerow(header)
        writer.writerows(rows)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON file with the characters as they are."""
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + '\n', encoding='utf-8')

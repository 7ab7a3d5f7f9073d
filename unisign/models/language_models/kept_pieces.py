"""``KeptPieces``: which rows of a full language model a trimmed one has, and the file that says so."""

import json
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from unisign.models.language_models.tokenizer import TOKENIZER_FILE
from unisign.optional import sha256_of
from unisign.structures import DataError

KEPT_PIECES_FILE = 'kept_pieces.json'
_MAKE_IT = 'Make it with tools/models/trim_vocabulary.py LANGUAGE_MODEL --corpus FILES --out FOLDER.'


@dataclass(frozen=True)
class KeptPieces:
    """The token ids that a trimmed language model keeps.

    Attributes:
        rows: ids in the full model, ascending; the place in this list is the id in the trimmed model. Those from
            ``full_pieces`` on are rows without a piece (sentinels, padding of the vocabulary), which are all kept.
        full_rows: rows of the full model's embedding.
        full_pieces: pieces of the full tokenizer.
        full_tokenizer: SHA-256 of the full tokenizer's file.
        tokenizer: SHA-256 of the trimmed tokenizer's file.
    """

    rows: tuple[int, ...]
    full_rows: int
    full_pieces: int
    full_tokenizer: str = ''
    tokenizer: str = ''

    def __contains__(self, full_id: int) -> bool:
        place = bisect_left(self.rows, full_id)
        return place < len(self.rows) and self.rows[place] == full_id

    def from_full(self, ids: Iterable[int]) -> list[int] | None:
        """Return ids of the full model as the trimmed model's; None if one of them is not kept."""
        places = [(bisect_left(self.rows, i), i) for i in ids]
        if any(place == len(self.rows) or self.rows[place] != i for place, i in places):
            return None
        return [place for place, _ in places]

    def to_full(self, ids: Iterable[int]) -> list[int]:
        """Return ids of the trimmed model as the full model's."""
        return [self.rows[i] for i in ids]

    def as_text(self) -> str:
        """Return what ``kept_pieces.json`` holds."""
        content = dict(
            full=dict(rows=self.full_rows, pieces=self.full_pieces, tokenizer_sha256=self.full_tokenizer),
            trimmed=dict(rows=len(self.rows), tokenizer_sha256=self.tokenizer),
            rows=list(self.rows),
        )
        return json.dumps(content) + '\n'


def read_kept_pieces(folder: str | Path) -> KeptPieces:
    """Return what a folder with a trimmed language model keeps of the full one.

    Raises:
        DataError: if it is no such folder, the file is damaged, or its tokenizer is another one.
    """
    path = Path(folder) / KEPT_PIECES_FILE
    try:
        kept = _parse(json.loads(path.read_text(encoding='utf-8')))
    except OSError as error:
        raise DataError(path, f'cannot be read ({error.strerror}); expected a trimmed language model.', _MAKE_IT) from (
            error
        )
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(path, f'damaged ({type(error).__name__}: {error}).', _MAKE_IT) from error
    tokenizer = Path(folder) / TOKENIZER_FILE
    if not tokenizer.is_file() or sha256_of(tokenizer) != kept.tokenizer:
        raise DataError(path, f'was not written for the {TOKENIZER_FILE} beside it.', _MAKE_IT)
    return kept


def _parse(content: Any) -> KeptPieces:
    full, trimmed, rows = content['full'], content['trimmed'], content['rows']
    sound = all(type(row) is int for row in rows) and len(rows) == trimmed['rows'] > 0
    ascending = sound and rows[0] >= 0 and all(a < b for a, b in pairwise([*rows, full['rows']]))
    if not ascending:
        raise ValueError('"rows" should be ascending row numbers of the full model')
    return KeptPieces(
        tuple(rows), full['rows'], full['pieces'], str(full['tokenizer_sha256']), str(trimmed['tokenizer_sha256'])
    )

"""Hand windows by clip into one LMDB file: writing, with pauses."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import lmdb

from unisign.stores.lmdb_file import LISTING_KEY, LONGEST_KEY, encode_listing, is_usable_key
from unisign.structures import DataError

_SETTINGS_KEY = b'\x00settings'
_COUNT = b'\x00count '
_FIRST_MAP_SIZE = 64 * 1024**2
_BYTES_A_TRANSACTION = 32 * 1024**2


class PackedWindowWriter:
    """A context manager that writes clips into a store of hand windows, and goes on where it was interrupted.

    Clips go to ``<path>.part``. ``finish`` gives the file the name ``path``, so a store of that name is always
    complete; without it (an error, a kill) the part stays, and the next writer of the same path and settings finds in
    ``written`` what it holds already.

    Args:
        path: the store to write; an existing one is replaced at the end.
        settings: what the windows depend on (plain numbers and text).

    Raises:
        DataError: on entering, if the part was begun with other settings.
    """

    def __init__(self, path: str | Path, settings: Mapping[str, object]) -> None:
        self.path, self.settings = Path(path), dict(settings)
        self.part = self.path.with_name(self.path.name + '.part')
        self.written: dict[str, int] = {}
        self._file: lmdb.Environment | None = None
        self._pending: list[tuple[bytes, bytes]] = []
        self._pending_bytes = 0

    def __enter__(self) -> 'PackedWindowWriter':
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._file = lmdb.open(str(self.part), subdir=False, lock=False, map_size=_FIRST_MAP_SIZE)
        except lmdb.Error as error:
            raise DataError(self.part, f'what was begun cannot be read ({error}).', 'Delete it.') from error
        self._find_written()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            try:
                self._put()  # also after an error: what is done is done
            finally:
                self._close()

    def write(self, key: str, windows: int, value: bytes) -> None:
        """Add one clip.

        Args:
            key: its name in the store.
            windows: how many windows it has.
            value: what ``encode_windows`` gave.

        Raises:
            DataError: if the key is taken, empty or too long.
        """
        longest = LONGEST_KEY - len(_COUNT)  # the count of windows goes under a key of its own, a few bytes longer
        if not is_usable_key(key) or len(key.encode()) > longest:
            raise DataError(
                self.path,
                f'the key {key!r} cannot be used.',
                f'Use 1 to {LONGEST_KEY - len(_COUNT)} bytes in one line.',
            )
        if key in self.written:
            raise DataError(self.path, f'the key {key!r} was written already.', 'Give each clip an id of its own.')
        self.written[key] = windows
        self._pending += [(key.encode(), value), (_COUNT + key.encode(), str(windows).encode())]
        self._pending_bytes += len(value)
        if self._pending_bytes >= _BYTES_A_TRANSACTION:
            self._put()

    def finish(self) -> None:
        """Make the part the store."""
        self._pending.append((LISTING_KEY, encode_listing(self.written)))
        self._put()
        self._close()
        self.part.replace(self.path)

    def _find_written(self) -> None:
        with self._opened().begin() as transaction:
            begun = transaction.get(_SETTINGS_KEY)
            cursor = transaction.cursor()
            found = cursor.set_range(_COUNT)
            while found and cursor.key().startswith(_COUNT):
                self.written[cursor.key().removeprefix(_COUNT).decode()] = int(cursor.value())
                found = cursor.next()
        if begun is not None and json.loads(begun) != self.settings:
            self._close()
            raise DataError(
                self.part,
                f'was begun with other settings: {begun.decode()}, now {json.dumps(self.settings)}.',
                'Use the same, or delete this file to start anew.',
            )
        if begun is None:
            self._pending.append((_SETTINGS_KEY, json.dumps(self.settings).encode()))
            self._put()

    def _opened(self) -> lmdb.Environment:
        if self._file is None:
            raise RuntimeError(f'{self.path}: write inside `with PackedWindowWriter(...) as writer:` only')
        return self._file

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _put(self) -> None:
        """Write what is pending in one transaction, safe from a kill; enlarge the file's map if it is full."""
        file = self._opened()
        while self._pending:
            try:
                with file.begin(write=True) as transaction:
                    for name, value in self._pending:
                        transaction.put(name, value)
                self._pending, self._pending_bytes = [], 0
            except lmdb.MapFullError:
                file.set_mapsize(2 * file.info()['map_size'])

"""``LmdbStore``: what the packed stores have in common, whatever their records hold."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import lmdb

from unisign.stores.lmdb_file import open_lmdb, read_listing


class LmdbStore:
    """Records by clip key from one LMDB file, read-only.

    The file is opened on first use in each process, so that a store may be sent to data workers by fork and by spawn.

    Args:
        path: the store.

    Attributes:
        what: what the file should be, for errors.
        pack_again: how it is made, for errors.
    """

    what: ClassVar[str]
    pack_again: ClassVar[str]
    keys_are_paths = False

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._process: int | None = None
        self._file: lmdb.Environment | None = None
        self._lengths: dict[str, int] | None = None

    @property
    def lengths(self) -> dict[str, int]:
        """What the listing counts of each clip (frames, or windows), by key, read at once.

        Raises:
            DataError: if the store was not written to its end.
        """
        if self._lengths is None:
            self._lengths = read_listing(self._opened(), self.path, self.what, self.pack_again)
        return self._lengths

    def keys(self) -> Iterator[str]:
        """Return the clips' keys, in the order in which they were written."""
        return iter(self.lengths)

    def __len__(self) -> int:
        return len(self.lengths)

    def __contains__(self, key: str) -> bool:
        return key in self.lengths

    def __getstate__(self) -> dict[str, object]:
        return {'path': self.path}  # a data worker opens the file, and reads the listing if it must, by itself

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__init__(state['path'])  # type: ignore[misc, arg-type]

    def _opened(self) -> lmdb.Environment:
        if self._file is None or self._process != os.getpid():
            self._file, self._process = open_lmdb(self.path, self.what, self.pack_again), os.getpid()
        return self._file

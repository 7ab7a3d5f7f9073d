"""Hand windows by clip from one LMDB file: reading."""

import os
from collections.abc import Iterator
from pathlib import Path

import lmdb
import numpy as np

from unisign.registry import POSE_STORES
from unisign.stores.lmdb_file import LONGEST_KEY, open_lmdb, read_listing
from unisign.stores.window_format import EncodedWindows, Window
from unisign.structures import ClipError

_WHAT = 'store of packed hand windows'
_PACK_AGAIN = 'Make it with tools/data/extract_hand_crops.py, or copy it again.'


@POSE_STORES.register_module()
class PackedHandWindows:
    """Pieces of video frames around the hands, by clip id, hand and frame; read-only.

    The file is opened on first use in each process, so that the store may be sent to data workers by fork and by spawn.

    Args:
        path: the store, as written by ``PackedWindowWriter``.
    """

    keys_are_paths = False

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._process: int | None = None
        self._file: lmdb.Environment | None = None
        self._lengths: dict[str, int] | None = None

    def frame_size(self, key: str) -> tuple[int, int]:
        """Return width and height of the frames of the clip's video.

        Raises:
            ClipError: if the store has no such clip, or its bytes are damaged.
            DataError: if the store itself cannot be opened.
        """
        with self._opened().begin(buffers=True) as transaction:
            return self._encoded(transaction, key).frame_size

    def read(self, key: str, side: str, frames: np.ndarray) -> list[Window]:
        """Return the windows of the hand ``side`` of clip ``key`` in these frames (int [N], ids of the poses).

        Raises:
            ClipError: if the store has no such clip or frame, or its bytes are damaged.
            DataError: if the store itself cannot be opened.
        """
        with self._opened().begin(buffers=True) as transaction:
            return self._encoded(transaction, key).read(side, frames)

    @property
    def lengths(self) -> dict[str, int]:
        """Number of windows by key, read at once from the store's listing.

        Raises:
            DataError: if the store was not written to its end.
        """
        if self._lengths is None:
            self._lengths = read_listing(self._opened(), self.path, _WHAT, _PACK_AGAIN)
        return self._lengths

    def keys(self) -> Iterator[str]:
        """Return the clips' keys, in the order in which they were written."""
        return iter(self.lengths)

    def __len__(self) -> int:
        return len(self.lengths)

    def __contains__(self, key: str) -> bool:
        return key in self.lengths

    def __getstate__(self) -> dict[str, object]:
        return {'path': self.path}  # a data worker opens the file by itself

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__init__(state['path'])  # type: ignore[misc, arg-type]

    def _encoded(self, transaction: lmdb.Transaction, key: str) -> EncodedWindows:
        source, name = f'{self.path}#{key}', key.encode()
        value = transaction.get(name) if 0 < len(name) <= LONGEST_KEY else None
        if value is None:
            raise ClipError(
                source, 'the store has no hand windows of this clip.', 'Run tools/data/extract_hand_crops.py for it.'
            )
        return EncodedWindows(value, source)

    def _opened(self) -> lmdb.Environment:
        if self._file is None or self._process != os.getpid():
            self._file, self._process = open_lmdb(self.path, _WHAT, _PACK_AGAIN), os.getpid()
        return self._file

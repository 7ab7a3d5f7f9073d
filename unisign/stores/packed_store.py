"""One file for millions of clips: LMDB with raw arrays, random access by many workers."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import lmdb
import numpy as np

from unisign.registry import POSE_STORES
from unisign.stores.lmdb_file import LONGEST_KEY, open_lmdb, read_listing
from unisign.stores.packed_format import decode_clip
from unisign.structures import ClipError, Poses

_WHAT = 'packed pose store'
_PACK_AGAIN = 'Make it with tools/data/pack_poses.py, or copy it again.'


@POSE_STORES.register_module()
class PackedPoseStore:
    """Poses by key from one LMDB file, read-only.

    The file is opened on first use in each process, so that the store may be sent to data workers by fork and by spawn.

    Args:
        path: the store, as written by ``PackedPoseWriter``.
    """

    keys_are_paths = False

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._process: int | None = None
        self._file: lmdb.Environment | None = None
        self._lengths: dict[str, int] | None = None

    def read(self, key: str) -> Poses:
        """Return the clip ``key``.

        Raises:
            ClipError: if the store has no such clip, or its bytes are damaged.
            DataError: if the store itself cannot be opened.
        """
        source = f'{self.path}#{key}'
        try:
            with self._opened().begin(buffers=True) as transaction:
                name = key.encode()
                value = transaction.get(name) if 0 < len(name) <= LONGEST_KEY else None
                if value is None:
                    raise ClipError(source, 'the packed store has no clip of this key.', self._example())
                return decode_clip(value, source)
        except lmdb.Error as error:
            raise ClipError(source, f'the packed store is damaged here ({error}).', 'Copy or pack it again.') from error

    def num_frames(self, key: str) -> int:
        """Return the number of frames of the clip ``key``.

        Raises:
            ClipError: if the store has no such clip.
        """
        if key not in self.lengths:
            raise ClipError(f'{self.path}#{key}', 'the packed store has no clip of this key.', self._example())
        return self.lengths[key]

    def known_lengths(self, keys: Sequence[str]) -> np.ndarray:
        """Return the number of frames of each of ``keys`` (int64 [N]); 0 for a key that is not there."""
        lengths = self.lengths
        return np.array([lengths.get(key, 0) for key in keys], dtype=np.int64)

    @property
    def lengths(self) -> dict[str, int]:
        """Number of frames by key, read at once from the store's listing.

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
        return {'path': self.path}  # a data worker opens the file, and reads the listing if it must, by itself

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__init__(state['path'])  # type: ignore[misc, arg-type]

    def _opened(self) -> lmdb.Environment:
        if self._file is None or self._process != os.getpid():
            self._file, self._process = open_lmdb(self.path, _WHAT, _PACK_AGAIN), os.getpid()
        return self._file

    def _example(self) -> str:
        example = next(self.keys(), None)
        return f'It holds {len(self)} clips' + (f', such as {example!r}.' if example is not None else '.')

"""One file for millions of clips: LMDB with raw arrays, random access by many workers."""

from collections.abc import Sequence

import lmdb
import numpy as np

from unisign.registry import POSE_STORES
from unisign.stores.lmdb_file import LONGEST_KEY
from unisign.stores.lmdb_store import LmdbStore
from unisign.stores.packed_format import decode_clip
from unisign.structures import ClipError, Poses


@POSE_STORES.register_module()
class PackedPoseStore(LmdbStore):
    """Poses by key from one LMDB file, read-only.

    The file is opened on first use in each process, so that the store may be sent to data workers by fork and by spawn.

    Args:
        path: the store, as written by ``PackedPoseWriter``.
    """

    what = 'packed pose store'
    pack_again = 'Make it with tools/data/pack_poses.py, or copy it again.'

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

    def _example(self) -> str:
        example = next(self.keys(), None)
        return f'It holds {len(self)} clips' + (f', such as {example!r}.' if example is not None else '.')

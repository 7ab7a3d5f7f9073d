"""Hand windows by clip from one LMDB file: reading."""

import lmdb
import numpy as np

from unisign.registry import POSE_STORES
from unisign.stores.lmdb_file import LONGEST_KEY
from unisign.stores.lmdb_store import LmdbStore
from unisign.stores.window_format import EncodedWindows, Window
from unisign.structures import ClipError


@POSE_STORES.register_module()
class PackedHandWindows(LmdbStore):
    """Pieces of video frames around the hands, by clip id, hand and frame; read-only.

    The file is opened on first use in each process, so that the store may be sent to data workers by fork and by spawn.

    Args:
        path: the store, as written by ``PackedWindowWriter``.
    """

    what = 'store of packed hand windows'
    pack_again = 'Make it with tools/data/extract_hand_crops.py, or copy it again.'

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

    def _encoded(self, transaction: lmdb.Transaction, key: str) -> EncodedWindows:
        source, name = f'{self.path}#{key}', key.encode()
        value = transaction.get(name) if 0 < len(name) <= LONGEST_KEY else None
        if value is None:
            raise ClipError(
                source, 'the store has no hand windows of this clip.', 'Run tools/data/extract_hand_crops.py for it.'
            )
        return EncodedWindows(value, source)

"""Writing a packed pose store."""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import lmdb

from unisign.stores.lmdb_file import LISTING_KEY, LONGEST_KEY, encode_listing, is_usable_key
from unisign.stores.packed_format import encode_clip
from unisign.structures import NUM_KEYPOINTS, DataError, Poses

_FIRST_MAP_SIZE = 64 * 1024**2
_BYTES_A_TRANSACTION = 32 * 1024**2


class PackedPoseWriter:
    """A context manager that writes clips into a packed store, all or nothing.

    Clips go to ``<path>.part``; when the block ends without an error the file takes the name ``path``, else it is
    removed. So a store of that name is always complete.

    Args:
        path: the store to write; an existing one is replaced at the end.
        dtype: ``float32``, or ``float16`` for half the size (see docs/data_format.md for what it costs).
        points: keep these of the 133 keypoints only; None keeps all. The others are read back as missing.

    Raises:
        ValueError: for an unknown dtype, or points outside 0..132 or named twice.
    """

    def __init__(self, path: str | Path, dtype: str = 'float32', points: Sequence[int] | None = None) -> None:
        if dtype not in ('float32', 'float16'):
            raise ValueError(f"dtype should be 'float32' or 'float16', got {dtype!r}")
        if points is not None and (
            not points or len(set(points)) != len(points) or not set(points) <= set(range(NUM_KEYPOINTS))
        ):
            raise ValueError(f'points should be different indices 0..{NUM_KEYPOINTS - 1}, got {list(points)}')
        self.path = Path(path)
        self.dtype = dtype
        self.points = None if points is None else tuple(points)
        self.lengths: dict[str, int] = {}
        self._part = self.path.with_name(self.path.name + '.part')
        self._file: lmdb.Environment | None = None
        self._pending: list[tuple[bytes, bytes]] = []
        self._pending_bytes = 0

    def __enter__(self) -> 'PackedPoseWriter':
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._part.unlink(missing_ok=True)
        # No syncing on the way: an unfinished file is thrown away anyway. Unused room in pages is zeroed (the default),
        # so that the same clips give the same bytes.
        self._file = lmdb.open(str(self._part), subdir=False, lock=False, sync=False, map_size=_FIRST_MAP_SIZE)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is None:
            return
        try:
            if kind is None:
                self._put([(LISTING_KEY, encode_listing(self.lengths))])
                self._file.sync(True)
        finally:
            self._file.close()
            self._file = None
            if kind is not None:
                self._part.unlink(missing_ok=True)
        if kind is None:
            self._part.replace(self.path)

    def write(self, key: str, poses: Poses) -> None:
        """Add one clip.

        Args:
            key: its name in the store.
            poses: a valid clip.

        Raises:
            ClipError: if the clip is not valid.
            DataError: if the key is taken, empty or too long.
        """
        self._open_file()
        name = key.encode()
        if not is_usable_key(key):
            raise DataError(self.path, f'the key {key!r} cannot be used.', f'Use 1 to {LONGEST_KEY} bytes in one line.')
        if key in self.lengths:
            raise DataError(self.path, f'the key {key!r} was written already.', 'Give each clip an id of its own.')
        value = encode_clip(poses.validate(f'{self.path}#{key}'), self.dtype, self.points)
        self.lengths[key] = len(poses)
        self._pending.append((name, value))
        self._pending_bytes += len(value)
        if self._pending_bytes >= _BYTES_A_TRANSACTION:
            self._put([])

    def _open_file(self) -> lmdb.Environment:
        if self._file is None:
            raise RuntimeError(f'{self.path}: write inside `with PackedPoseWriter(...) as writer:` only')
        return self._file

    def _put(self, more: list[tuple[bytes, bytes]]) -> None:
        """Write what is pending, and ``more``, in one transaction; enlarge the file's map if it is full."""
        records = self._pending + more
        file = self._open_file()
        while True:
            try:
                with file.begin(write=True) as transaction:
                    for name, value in records:
                        transaction.put(name, value)
                break
            except lmdb.MapFullError:
                file.set_mapsize(2 * file.info()['map_size'])
        self._pending, self._pending_bytes = [], 0

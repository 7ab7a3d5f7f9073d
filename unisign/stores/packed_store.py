"""One file for millions of clips: LMDB with raw arrays, random access by many workers."""

import os
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import lmdb
import numpy as np

from unisign.registry import POSE_STORES
from unisign.stores.packed_format import decode_clip
from unisign.structures import ClipError, DataError, Poses

# Records about the store itself; no clip may have these keys.
LISTING_KEY = b'\x00listing'
LONGEST_KEY = 511  # LMDB's own limit, in bytes
_PACK_AGAIN = 'Make it with tools/data/pack_poses.py, or copy it again.'

# Open files of this process, by device and inode: LMDB refuses to open one twice, and two datasets may share a store.
_open_files: dict[tuple[int, int], tuple[int, lmdb.Environment]] = {}


def _environment(path: Path) -> lmdb.Environment:
    """Return the open LMDB file ``path``, opened by this very process."""
    try:
        status = path.stat()
    except OSError as error:
        raise DataError(path, 'there is no such packed pose store.', _PACK_AGAIN) from error
    identity = (status.st_dev, status.st_ino)
    process, environment = _open_files.get(identity, (None, None))
    if environment is not None and process == os.getpid():
        return environment
    if environment is not None:
        environment.close()  # came along by fork; without locks, closing our copy leaves the parent's alone
    try:
        environment = lmdb.open(str(path), subdir=False, readonly=True, lock=False, readahead=False, meminit=False)
    except lmdb.Error as error:
        raise DataError(path, f'this is no readable packed pose store ({error}).', _PACK_AGAIN) from error
    pages = environment.info()['last_pgno'] + 1
    if status.st_size < pages * environment.stat()['psize']:
        environment.close()  # reading behind the end of a mapped file would kill the process
        raise DataError(
            path, f'the packed pose store is truncated: {pages} pages do not fit its size.', 'Copy it again.'
        )
    _open_files[identity] = (os.getpid(), environment)
    return environment


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
            with self._opened().begin() as transaction:
                record = transaction.get(LISTING_KEY)
            if record is None:
                raise DataError(self.path, 'the packed store has no listing of its clips.', _PACK_AGAIN)
            self._lengths = decode_listing(record, self.path)
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
            self._file, self._process = _environment(self.path), os.getpid()
        return self._file

    def _example(self) -> str:
        example = next(self.keys(), None)
        return f'It holds {len(self)} clips' + (f', such as {example!r}.' if example is not None else '.')


def encode_listing(lengths: dict[str, int]) -> bytes:
    """Return the listing as bytes: the lengths, int32, then the keys, one a line; compressed."""
    numbers = np.array(list(lengths.values()), dtype='<i4')
    return zlib.compress(len(lengths).to_bytes(8, 'little') + numbers.tobytes() + '\n'.join(lengths).encode(), level=1)


def decode_listing(record: bytes, source: object) -> dict[str, int]:
    """Return the number of frames by key.

    Raises:
        DataError: if the record is damaged.
    """
    try:
        data = zlib.decompress(record)
        count = int.from_bytes(data[:8], 'little')
        numbers = np.frombuffer(data, '<i4', count, 8).tolist()
        keys = data[8 + 4 * count :].decode().split('\n') if count else []
        return dict(zip(keys, numbers, strict=True))
    except (zlib.error, ValueError) as error:
        raise DataError(source, f'the listing of the packed store is damaged ({error}).', _PACK_AGAIN) from error

"""Opening LMDB files for reading, once a process, and the listing of what they hold."""

import os
import zlib
from pathlib import Path

import lmdb
import numpy as np

from unisign.structures import DataError

# Record about the store itself; no clip may have this key.
LISTING_KEY = b'\x00listing'
LONGEST_KEY = 511  # LMDB's own limit, in bytes

# Open files of this process, by device and inode: LMDB refuses to open one twice, and two datasets may share a store.
_open_files: dict[tuple[int, int], tuple[int, lmdb.Environment]] = {}


def open_lmdb(path: Path, what: str, advice: str) -> lmdb.Environment:
    """Return the open LMDB file ``path``, opened by this very process.

    Args:
        path: the file.
        what: what it should be, for errors.
        advice: how it is made, for errors.

    Raises:
        DataError: if it is missing, truncated or another kind of file.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise DataError(path, f'there is no such {what}.', advice) from error
    identity = (status.st_dev, status.st_ino)
    process, environment = _open_files.get(identity, (None, None))
    if environment is not None and process == os.getpid():
        return environment
    if environment is not None:
        environment.close()  # came along by fork; without locks, closing our copy leaves the parent's alone
    try:
        environment = lmdb.open(str(path), subdir=False, readonly=True, lock=False, readahead=False, meminit=False)
    except lmdb.Error as error:
        raise DataError(path, f'this is no readable {what} ({error}).', advice) from error
    pages = environment.info()['last_pgno'] + 1
    if status.st_size < pages * environment.stat()['psize']:
        environment.close()  # reading behind the end of a mapped file would kill the process
        raise DataError(path, f'the {what} is truncated: {pages} pages do not fit its size.', 'Copy it again.')
    _open_files[identity] = (os.getpid(), environment)
    return environment


def read_listing(environment: lmdb.Environment, path: Path, what: str, advice: str) -> dict[str, int]:
    """Return the number of frames by key, as the store's listing has it.

    Args:
        environment: the open file.
        path: its path, for errors.
        what: what it should be, for errors.
        advice: how it is made, for errors.

    Raises:
        DataError: if the store was not written to its end, or the listing is damaged.
    """
    with environment.begin() as transaction:
        record = transaction.get(LISTING_KEY)
    if record is None:
        raise DataError(path, f'the {what} has no listing of its clips.', advice)
    return decode_listing(record, path, what, advice)


def is_usable_key(key: str) -> bool:
    """Return whether a clip may be stored under ``key``."""
    name = key.encode()
    return 0 < len(name) <= LONGEST_KEY and '\n' not in key and not name.startswith(b'\x00')


def encode_listing(lengths: dict[str, int]) -> bytes:
    """Return the listing as bytes: the lengths, int32, then the keys, one a line; compressed."""
    numbers = np.array(list(lengths.values()), dtype='<i4')
    return zlib.compress(len(lengths).to_bytes(8, 'little') + numbers.tobytes() + '\n'.join(lengths).encode(), level=1)


def decode_listing(record: bytes, source: object, what: str, advice: str) -> dict[str, int]:
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
        raise DataError(source, f'the listing of the {what} is damaged ({error}).', advice) from error

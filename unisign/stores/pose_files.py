"""Poses by path: published pickles, ``.npz`` and ``.pose`` files, and clips in packed stores."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from unisign.registry import POSE_STORES
from unisign.stores.npz import npz_num_frames, read_npz
from unisign.stores.packed_store import PackedPoseStore
from unisign.stores.pose_format_files import read_pose_file
from unisign.stores.published_pickle import read_published_pickle
from unisign.structures import ClipError, DataError, Poses

# Of files that ``PoseFiles`` reads.
POSE_SUFFIXES = ('.npz', '.pkl', '.pickle', '.pose')
_KINDS = 'Poses are read from .pkl, .npz, .pose or STORE.lmdb#KEY.'


def split_packed_key(key: str) -> tuple[str, str] | None:
    """Return file and key of ``STORE.lmdb#KEY``; None if ``key`` names a file of its own."""
    file, mark, name = key.partition('.lmdb#')
    return (file + '.lmdb', name) if mark else None


@POSE_STORES.register_module()
class PoseFiles:
    """Every clip by a path of its own: ``x.pkl``, ``x.npz``, ``x.pose`` or ``store.lmdb#KEY``.

    Args:
        root: folder that relative paths start from; '' is the working directory.
    """

    keys_are_paths = True

    def __init__(self, root: str | Path = '') -> None:
        self.root = Path(root)
        self._packed: dict[str, PackedPoseStore] = {}

    def read(self, key: str) -> Poses:
        """Return the clip at ``key``.

        Raises:
            ClipError: if the clip is missing, damaged or not what it should be.
            DataError: if a packed store cannot be opened at all, or pose-format is missing, which ``.pose`` files need.
        """
        packed = split_packed_key(key)
        if packed is not None:
            return self._store(packed[0]).read(packed[1])
        path = self.root / key
        if path.suffix == '.npz':
            return read_npz(path)
        if path.suffix in ('.pkl', '.pickle'):
            return read_published_pickle(path)
        if path.suffix == '.pose':
            return _read_pose_file(path)
        raise ClipError(key, f'unknown kind of pose file {path.suffix!r}.', _KINDS)

    def num_frames(self, key: str) -> int:
        """Return the number of frames of the clip at ``key``; a pickle or ``.pose`` file is read in full for it.

        Raises:
            ClipError: as ``read``.
        """
        packed = split_packed_key(key)
        if packed is not None:
            return self._store(packed[0]).num_frames(packed[1])
        return npz_num_frames(self.root / key) if key.endswith('.npz') else len(self.read(key))

    def known_lengths(self, keys: Sequence[str]) -> np.ndarray:
        """Return the number of frames of each of ``keys`` (int64 [N]) where headers tell; 0 where they do not.

        Only ``.npz`` and packed stores tell without reading the clip, and a clip that cannot be read has no length.

        Raises:
            DataError: if a packed store cannot be opened.
        """
        lengths = np.zeros(len(keys), dtype=np.int64)
        for i, key in enumerate(keys):
            packed = split_packed_key(key)
            if packed is not None:
                lengths[i] = self._store(packed[0]).lengths.get(packed[1], 0)
            elif key.endswith('.npz'):
                lengths[i] = _npz_length_or_zero(self.root / key)
        return lengths

    def keys(self) -> Iterator[str]:
        """Return the pose files below ``root``, sorted; clips of packed stores as ``STORE.lmdb#KEY``."""
        for path in sorted(self.root.rglob('*')):
            name = path.relative_to(self.root).as_posix()
            if path.suffix in POSE_SUFFIXES:
                yield name
            elif path.suffix == '.lmdb':
                yield from (f'{name}#{key}' for key in self._store(name).lengths)

    def __contains__(self, key: str) -> bool:
        packed = split_packed_key(key)
        if packed is None:
            return (self.root / key).is_file()
        return (self.root / packed[0]).is_file() and packed[1] in self._store(packed[0])

    def _store(self, file: str) -> PackedPoseStore:
        if file not in self._packed:
            self._packed[file] = PackedPoseStore(self.root / file)
        return self._packed[file]


def _read_pose_file(path: Path) -> Poses:
    try:
        return read_pose_file(path)
    except ImportError as error:  # no clip of this kind can be read here: the run must not go on without them
        raise DataError(path, f'cannot be read: {error}') from error


def _npz_length_or_zero(path: Path) -> int:
    try:
        return npz_num_frames(path)
    except ClipError:
        return 0  # the clip will be named and counted when it is read

"""Where the paths of an annotation lead."""
# ruff: noqa: PTH100, PTH110, PTH118 - asked for every clip, and os.path is several times as fast as pathlib

import os
from pathlib import Path

from unisign.stores.pose_files import split_packed_key


class ClipPaths:
    """Looks up paths relative to the annotation file's folder first, then below the data root.

    Args:
        folder: the annotation file's folder.
        data_root: the other place to look; '' is the working directory.
    """

    def __init__(self, folder: str | Path, data_root: str | Path = '') -> None:
        self.folder = os.path.abspath(folder)
        self.data_root = os.path.abspath(data_root)
        self._stores: dict[str, str] = {}

    def find(self, path: str) -> str:
        """Return the absolute path of the file ``path``; where it is nowhere, the one in the annotation's folder."""
        beside = os.path.join(self.folder, path)
        below_root = os.path.join(self.data_root, path)
        found = beside if os.path.exists(beside) or not os.path.exists(below_root) else below_root
        return os.path.abspath(found)

    def find_poses(self, poses: str) -> str:
        """Return ``poses`` (``x.pkl``, ``x.npz``, ``x.pose`` or ``STORE.lmdb#KEY``) with its file's absolute path."""
        packed = split_packed_key(poses)
        if packed is None:
            return self.find(poses)
        store, key = packed
        if store not in self._stores:  # many clips, few stores: look on the disk once
            self._stores[store] = self.find(store)
        return f'{self._stores[store]}#{key}'

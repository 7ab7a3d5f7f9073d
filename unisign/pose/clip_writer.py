"""Poses of many clips, each written whole or not at all, and the manifest that says what made them."""

import glob
import json
import os
from collections.abc import Mapping
from pathlib import Path

from unisign.stores import PackedPoseWriter, read_npz, write_npz
from unisign.stores.published_pickle import write_published_pickle
from unisign.structures import DataError, Poses

MANIFEST = 'manifest.json'
KINDS = ('npz', 'pickle')


class ClipFolder:
    """A folder with one pose file a clip.

    A clip that is there is complete: files get their name when they are written to their end.

    Args:
        folder: made when it is first written to.
        kind: ``npz``, or ``pickle`` for the published layout (without frame rate).

    Raises:
        ValueError: for another kind.
    """

    def __init__(self, folder: str | Path, kind: str) -> None:
        if kind not in KINDS:
            raise ValueError(f'kind should be one of {", ".join(KINDS)}, got {kind!r}')
        self.folder, self.kind = Path(folder), kind

    def path(self, clip_id: str) -> Path:
        """Return where a clip's poses are, or will be."""
        return self.folder / f'{clip_id}{".npz" if self.kind == "npz" else ".pkl"}'

    def write(self, clip_id: str, poses: Poses) -> None:
        """Write a clip's poses."""
        path = self.path(clip_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f'{path.name}.{os.getpid()}.part')
        try:
            if self.kind == 'npz':
                with part.open('wb') as file:
                    write_npz(file, poses)
            else:
                write_published_pickle(part, poses)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    def remove_parts(self, clip_id: str) -> None:
        """Remove what a process that was killed while it wrote this clip left behind."""
        path = self.path(clip_id)
        for part in path.parent.glob(f'{glob.escape(path.name)}.*.part'):
            part.unlink(missing_ok=True)

    def claim(self, made_by: Mapping[str, object]) -> None:
        """Write the manifest, or check that the one that is there says the same.

        Args:
            made_by: ``PoseEstimator.describe()``, and whatever else the poses depend on.

        Raises:
            DataError: if the folder holds poses that something else made, or its manifest cannot be read.
        """
        path = self.folder / MANIFEST
        text = json.dumps({**made_by, 'files': self.kind}, indent=2, sort_keys=True, default=str) + '\n'
        if not path.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            part = path.with_name(f'{path.name}.{os.getpid()}.part')
            part.write_text(text, encoding='utf-8')
            part.replace(path)
            return
        try:
            before = json.loads(path.read_text(encoding='utf-8'))
        except ValueError as error:
            raise DataError(path, f'cannot be read ({error}).', 'Remove it if the folder is one of poses.') from error
        now = json.loads(text)
        changed = sorted(key for key in {*before, *now} if before.get(key) != now.get(key))
        if changed:
            raise DataError(
                path,
                f'the folder holds poses made in another way: {", ".join(changed)} differ from this run.',
                'Choose another folder, or take the settings and versions named there.',
            )


def pack_folder(clips: ClipFolder, ids: list[str], out: Path) -> int:
    """Write the clips of a folder of ``.npz`` files into the packed store ``out``; return how many.

    Clips that are not in the folder are left out. The store takes its name when it is complete.

    Args:
        clips: the folder.
        ids: the clips, in the order in which they are to lie in the store.
        out: ``NAME.lmdb``.
    """
    there = [clip_id for clip_id in ids if clips.path(clip_id).exists()]
    with PackedPoseWriter(out) as writer:
        for clip_id in there:
            writer.write(clip_id, read_npz(clips.path(clip_id)))
    return len(there)

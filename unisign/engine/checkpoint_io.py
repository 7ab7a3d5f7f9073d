"""Checkpoint files on disk: written whole or not at all, read without running anything that is in them.

A file is written under a temporary name in the same folder, flushed to the disk, and only then given its name; so a
process that dies at any moment leaves complete files and at most one ``*.tmp``. The text file ``last_checkpoint``
names the last complete checkpoint of a run and is written the same way.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch

from unisign.checkpoints.loading import read_plain
from unisign.structures import DataError

CHECKPOINT_FOLDER = 'checkpoints'
LAST_CHECKPOINT = 'last_checkpoint'
TEMPORARY_SUFFIX = '.tmp'


def checkpoint_folder(work_dir: str | Path) -> Path:
    """Return the folder in ``work_dir`` that holds a run's checkpoints; it need not exist."""
    return Path(work_dir) / CHECKPOINT_FOLDER


def write_atomically(path: Path, write: Callable[[BinaryIO], Any]) -> None:
    """Write ``path`` so that whoever looks at it sees the old content or the whole new one.

    Args:
        path: the file; its folder is made if it is missing.
        write: called once with the open temporary file.

    Raises:
        DataError: if the file cannot be written (no space, no permission); the old content stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + TEMPORARY_SUFFIX)
    try:
        with temporary.open('wb') as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except (OSError, RuntimeError) as error:  # torch.save reports a full disk as RuntimeError
        temporary.unlink(missing_ok=True)
        raise DataError(
            path, f'could not be written: {error}', 'Free space on that disk or choose another --work-dir.'
        ) from error
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make a renaming in ``folder`` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_text_atomically(path: Path, text: str) -> None:
    """Write a small text file like :func:`write_atomically`."""
    write_atomically(path, lambda file: file.write(text.encode('utf-8')))


def write_checkpoint(path: Path, checkpoint: Mapping[str, Any]) -> None:
    """Write a checkpoint of plain values atomically.

    Raises:
        TypeError: if it holds anything but tensors, text, numbers, None and plain containers of them.
        DataError: if the file cannot be written.
    """
    plain = to_plain(checkpoint)
    write_atomically(path, lambda file: torch.save(plain, file))


def to_plain(value: Any, name: str = 'checkpoint') -> Any:
    """Return ``value`` with plain containers and CPU tensors, half precision raised to float32.

    Raises:
        TypeError: naming the entry that is none of tensor, text, number, bool, None, list, tuple or dict.
    """
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        return value.float() if value.dtype in (torch.float16, torch.bfloat16) else value
    if isinstance(value, np.generic):
        return value.item()
    if value is None or type(value) in (str, int, float, bool):
        return value
    if isinstance(value, Mapping):
        return {to_plain(key, f'{name} key'): to_plain(item, f'{name}.{key}') for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(to_plain(item, f'{name}[{i}]') for i, item in enumerate(value))
    raise TypeError(
        f'{name} is of type {type(value).__name__}; a checkpoint holds only tensors, text, numbers and plain containers'
    )


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read a checkpoint onto the CPU with PyTorch's strict ``weights_only`` unpickler; nothing in the file is run.

    Raises:
        DataError: if the file is missing, truncated, holds anything but plain values, or no ``state_dict``.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(path, 'there is no such checkpoint.', _known_checkpoints(path))
    checkpoint = read_plain(path)
    if not isinstance(checkpoint, dict) or not isinstance(checkpoint.get('state_dict'), dict):
        raise DataError(path, "holds no 'state_dict'.", 'Expected a checkpoint that tools/train.py wrote.')
    return checkpoint


def _known_checkpoints(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f'The folder {folder} does not exist either.'
    names = sorted(file.name for file in folder.glob('*.pth'))
    return f'The folder holds: {", ".join(names)}.' if names else 'The folder holds no checkpoint.'


def remove_leftovers(work_dir: str | Path) -> list[str]:
    """Remove files that a killed process was writing; return their names."""
    leftovers = sorted(checkpoint_folder(work_dir).glob(f'*{TEMPORARY_SUFFIX}'))
    for file in leftovers:
        file.unlink(missing_ok=True)
    return [file.name for file in leftovers]


def point_to_last(checkpoint: Path) -> None:
    """Let ``last_checkpoint`` name ``checkpoint``, which must be complete."""
    write_text_atomically(checkpoint.parent / LAST_CHECKPOINT, checkpoint.name + '\n')


def find_last_checkpoint(work_dir: str | Path) -> Path | None:
    """Return the last complete checkpoint of the run in ``work_dir``, or None if there is none yet.

    Raises:
        DataError: if ``last_checkpoint`` names a file that is gone.
    """
    folder = checkpoint_folder(work_dir)
    pointer = folder / LAST_CHECKPOINT
    if not pointer.is_file():
        return None
    checkpoint = folder / Path(pointer.read_text(encoding='utf-8').strip()).name
    if not checkpoint.is_file():
        raise DataError(
            pointer,
            f'names {checkpoint.name!r}, which is not there.',
            f'Name the checkpoint to resume from: --resume PATH. {_known_checkpoints(checkpoint)}',
        )
    return checkpoint


def find_best_checkpoint(work_dir: str | Path) -> Path | None:
    """Return the run's best checkpoint on dev, or None if it has none.

    Raises:
        DataError: if there are several (one for each metric that was followed).
    """
    found = sorted(checkpoint_folder(work_dir).glob('best_*.pth'))
    if len(found) > 1:
        raise DataError(
            work_dir, f'holds several best checkpoints: {", ".join(file.name for file in found)}.', 'Name one of them.'
        )
    return found[0] if found else None

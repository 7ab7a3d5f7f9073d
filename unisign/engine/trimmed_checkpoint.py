"""Whole checkpoints cut to a trimmed language model, and brought back to the full one."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from unisign.checkpoints import load_state_dict_file
from unisign.engine.convert_official import SUFFIXES, write_weights
from unisign.engine.vocabulary_rows import HEAD, cut_rows, put_back_rows
from unisign.models.language_models import read_kept_pieces
from unisign.structures import DataError
from unisign.version import __version__


def trim_checkpoint(folder: str | Path, checkpoint: str | Path, out: str | Path) -> dict[str, Tensor]:
    """Write a whole model's checkpoint with the rows that a trimmed language model keeps.

    Args:
        folder: the trimmed language model, from ``trim_vocabulary``.
        checkpoint: of a model with the full one; ours or published.
        out: ``.pth``, ``.pt`` or ``.safetensors``; the weights alone. It fits the config of the full checkpoint with
            ``model.head.language_model=FOLDER``.

    Returns:
        What was written.

    Raises:
        DataError: if a file is missing or wrong, or the two do not belong together. Nothing is written then.
    """
    _check_target(Path(out), checkpoint)
    state = cut_rows(load_state_dict_file(checkpoint), read_kept_pieces(folder), checkpoint, folder, HEAD)
    _write(Path(out), state, trimmed_from=Path(checkpoint).name)
    return state


def merge_checkpoint(folder: str | Path, trained: str | Path, full: str | Path, out: str | Path) -> dict[str, Tensor]:
    """Write a trimmed model's checkpoint with the full vocabulary again.

    Args:
        folder: the trimmed language model.
        trained: checkpoint of a model with it.
        full: checkpoint of a model with the full one, from which the rows of the other pieces come. All else comes from
            ``trained``, so the full one may be of an earlier stage.
        out: ``.pth``, ``.pt`` or ``.safetensors``; the weights alone.

    Returns:
        What was written.

    Raises:
        DataError: if a file is missing or wrong, or they do not belong together. Nothing is written then.
    """
    _check_target(Path(out), trained, full)
    kept = read_kept_pieces(folder)
    small, whole = load_state_dict_file(trained), load_state_dict_file(full)
    state = put_back_rows(small, whole, kept, (trained, full), folder, HEAD)
    _write(Path(out), state, merged_from=Path(trained).name)
    return state


def _check_target(out: Path, *sources: str | Path) -> None:
    if out.suffix not in SUFFIXES:
        raise DataError(out, f'expected a name that ends in {", ".join(SUFFIXES)}.', 'Correct the name.')
    if out.exists() and any(Path(source).exists() and out.samefile(source) for source in sources):
        raise DataError(out, 'is one of the files to read.', 'Give another name for the result.')


def _write(out: Path, state: Mapping[str, Tensor], **meta: str) -> None:
    write_weights(out, state, 'state_dict', dict(unisign_version=__version__, **meta))

"""From a config's name to a model with its weights."""

import difflib
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from torch import nn

import unisign
from unisign.apis.model import init_model
from unisign.deployment import OnnxSignModel, is_export
from unisign.engine.launch import find_checkpoint
from unisign.structures import DataError


def load_trained_model(
    model: str | Path | Config | nn.Module,
    checkpoint: str | Path | None = None,
    device: str | torch.device | None = None,
) -> Any:
    """Return a model that has learnt something.

    Args:
        model: path of a config, its name without ``.py`` (looked up in ``configs/``), a ``Config``, the folder of an
            exported model, or a model from ``init_model``, which is taken as it is.
        checkpoint: file, or a run's folder (then its best checkpoint); None looks where ``tools/train.py`` puts them,
            in ``work_dirs/NAME``.
        device: where it runs; None takes the GPU if there is one.

    Raises:
        DataError: if there is no such config, or no checkpoint: untrained weights would answer too, with nonsense.
    """
    if isinstance(model, nn.Module):
        if checkpoint is not None:
            raise DataError(checkpoint, 'was given beside a model that is built already.', 'Give the config instead.')
        return model if device is None else model.to(device)
    if not isinstance(model, Config) and is_export(model):
        return _load_export(model, checkpoint, device)
    config = model if isinstance(model, Config) else find_config(model)
    if checkpoint is None:
        name = Path(config.filename or 'config').stem if isinstance(config, Config) else config.stem
        checkpoint = Path('work_dirs') / name
        if not checkpoint.is_dir():
            raise DataError(
                name,
                f'no checkpoint was given, and no run of it is in {checkpoint}.',
                'Give --checkpoint (checkpoint=..), or train it with tools/train.py.',
            )
    return init_model(config, find_checkpoint(checkpoint), device)


def _load_export(folder: str | Path, checkpoint: str | Path | None, device: str | torch.device | None) -> Any:
    if checkpoint is not None:
        raise DataError(checkpoint, f'was given beside {folder}, an export with weights of its own.', 'Leave it out.')
    if device is not None and torch.device(device).type != 'cpu':
        raise DataError(folder, f'is an export, which runs on the CPU, not on {device}.', 'Leave the device out.')
    return OnnxSignModel(str(folder))


def find_config(name: str | Path) -> Path:
    """Return the path of a config.

    Args:
        name: its path, or its name without ``.py``, such as ``stage3_toy-slt_pose``; names are looked up below
            ``configs/`` in the working directory, then in the checkout or installed package.

    Raises:
        DataError: if nothing is called so; it lists the nearest names.
    """
    if Path(name).suffix == '.py':
        return Path(name)  # whether it exists is told when it is read
    package = Path(unisign.__file__).parent
    folders = [Path('configs'), package.parent / 'configs', package / '.mim' / 'configs']
    known: dict[str, Path] = {}
    for folder in folders:
        for path in sorted(folder.rglob('*.py')) if folder.is_dir() else ():
            if '_base_' not in path.parts:
                known.setdefault(path.stem, path)
    if str(name) in known:
        return known[str(name)]
    near = difflib.get_close_matches(str(name), known, n=3, cutoff=0.4)
    hint = f'Did you mean {" or ".join(near)}?' if near else 'Give the path of a config file (.py).'
    raise DataError(name, 'is no config in configs/, by name.', hint)

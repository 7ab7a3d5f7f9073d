"""From a config's name to a model with its weights."""

from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from torch import nn

from unisign.apis.model import init_model
from unisign.checkpoints import is_zoo_name
from unisign.deployment import OnnxSignModel, is_export
from unisign.engine.config_names import find_config
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
        checkpoint: file, a name of the model zoo, or a run's folder (then its best checkpoint); None looks where
            ``tools/train.py`` puts them, in ``work_dirs/NAME``, and then for the zoo's weights of that name.
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
        if not checkpoint.is_dir() and model == name and is_zoo_name(name):
            checkpoint = name
        elif not checkpoint.is_dir():
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

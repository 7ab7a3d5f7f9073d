"""``init_model``: a model from its config and checkpoint."""

from pathlib import Path

import torch
from mmengine.config import Config

from unisign.checkpoints import load_weights
from unisign.engine.config_check import check_config, read_config
from unisign.models import UniSign
from unisign.registry import MODELS
from unisign.structures import DataError


def init_model(
    config: str | Path | Config, checkpoint: str | Path | None = None, device: str | torch.device | None = None
) -> UniSign:
    """Build a model for inference.

    Args:
        config: path of a config file, or a ``Config``. Relative paths inside it (language model, labels) start from the
            working directory, as in training.
        checkpoint: file with its weights, of this library or published; None keeps the weights it is built with.
        device: where it runs; None takes the GPU if there is one.

    Returns:
        The model in evaluation mode; ``model.cfg`` is the config.

    Raises:
        DataError: if the config, what it names, or the checkpoint is missing or wrong.
    """
    cfg = _read(config)
    check_config(cfg)
    content = cfg.model.to_dict()
    head = content.get('head')
    if checkpoint is not None and isinstance(head, dict) and head.get('pretrained'):
        head['pretrained'] = False  # the checkpoint holds these weights too
    model = MODELS.build(content)
    if checkpoint is not None:
        load_weights(model, checkpoint)
    model.cfg = cfg
    if device is None:
        device = 'cuda' if torch.cuda.is_available() else 'cpu'
    return model.to(device).eval()


def _read(config: str | Path | Config) -> Config:
    if not isinstance(config, Config):
        if Path(config).suffix != '.py':
            raise DataError(
                config, 'expected the path of a config file (.py), or a Config.', 'See the folder configs/.'
            )
        config = read_config(config)
    if config.get('model') is None:
        raise DataError(
            config.filename or 'Config', "has no model = dict(type='UniSign', ..).", 'See configs/_base_/models.'
        )
    return config

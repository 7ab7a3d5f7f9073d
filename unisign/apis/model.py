"""``init_model``: a model from its config and checkpoint."""

from pathlib import Path

import torch
from mmengine.config import Config

from unisign.checkpoints import fetch_weights, is_zoo_name, load_weights
from unisign.engine.config_check import check_config, read_config
from unisign.models import UniSign
from unisign.registry import MODELS
from unisign.structures import DataError


def init_model(
    config: str | Path | Config, checkpoint: str | Path | None = None, device: str | torch.device | None = None
) -> UniSign:
    """Build a model for inference.

    Args:
        config: path of a config file, the name of a config, or a ``Config``. Relative paths inside it (language model,
            labels) start from the working directory, as in training.
        checkpoint: file with its weights, of this library or published, or a name of the model zoo. None takes the
            zoo's weights if ``config`` is a name of the zoo, else it keeps the weights the model is built with; so it
            does on the meta device, which has none.
        device: where it runs; None takes the GPU if there is one.

    Returns:
        The model in evaluation mode; ``model.cfg`` is the config.

    Raises:
        DataError: if the config, what it names, or the checkpoint is missing or wrong.
    """
    cfg = _read(config)
    check_config(cfg)
    if device is None:
        device = 'cuda' if torch.cuda.is_available() else 'cpu'
    if checkpoint is None and is_zoo_name(config) and torch.device(device).type != 'meta':
        checkpoint = fetch_weights(str(config))
    content = cfg.model.to_dict()
    head = content.get('head')
    if checkpoint is not None and isinstance(head, dict) and head.get('pretrained'):
        head['pretrained'] = False  # the checkpoint holds these weights too
    model = MODELS.build(content)
    if checkpoint is not None:
        load_weights(model, checkpoint)
    model.cfg = cfg
    return model.to(device).eval()


def _read(config: str | Path | Config) -> Config:
    if not isinstance(config, Config):
        config = read_config(config)
    if config.get('model') is None:
        raise DataError(
            config.filename or 'Config', "has no model = dict(type='UniSign', ..).", 'See configs/_base_/models.'
        )
    return config

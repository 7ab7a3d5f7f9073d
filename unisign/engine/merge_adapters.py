"""LoRA adapters merged into the weights of the language model, so that the plain config loads them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unisign.checkpoints import load_weights
from unisign.engine.config_check import ConfigError, check_config, read_config
from unisign.engine.convert_official import SUFFIXES, write_weights
from unisign.models.language_models import merge_adapters
from unisign.registry import MODELS
from unisign.structures import DataError
from unisign.version import __version__


def merge_checkpoint(
    config: str | Path, checkpoint: str | Path, out: str | Path, options: Mapping[str, Any] | None = None
) -> int:
    """Write a checkpoint's weights with its adapters merged; return how many adapters there were.

    Args:
        config: the config that it was trained with, which says how strong the adapters are (``model.head.lora``).
        checkpoint: the file; it must fit the config.
        out: the file to write, ``.pth`` or ``.safetensors``. It fits the same config without ``model.head.lora``.
        options: entries of the config that were changed in training (``--cfg-options``).

    Raises:
        DataError: if a file is missing or wrong, there is no adapter, or no peft; nothing is written then.
    """
    out = Path(out)
    if out.suffix not in SUFFIXES:
        raise DataError(out, f'expected a name that ends in {", ".join(SUFFIXES)}.', 'Correct the name.')
    if out.exists():
        raise DataError(out, 'is there already.', 'Give another name, or remove it.')
    cfg = read_config(config, options)
    check_config(cfg)
    content = cfg.model.to_dict()
    if not isinstance(content.get('head'), dict) or not content['head'].get('lora'):
        raise ConfigError(config, 'has no adapters (model.head.lora).', 'Name the config it was trained with.')
    content['head']['pretrained'] = False
    model = MODELS.build(content)
    load_weights(model, checkpoint)
    count = merge_adapters(model)
    meta = dict(unisign_version=__version__, merged_from=Path(checkpoint).name)
    write_weights(out, model.state_dict(), 'state_dict', meta)
    return count

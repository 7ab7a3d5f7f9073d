"""T5-family language models, by Hugging Face name or from a folder."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import (
    AutoConfig,
    MT5ForConditionalGeneration,
    PretrainedConfig,
    T5ForConditionalGeneration,
    UMT5ForConditionalGeneration,
)

from unisign.models.language_models.lean_layers import use_lean_layers
from unisign.models.language_models.published_configs import PUBLISHED_CONFIGS
from unisign.structures import DataError

# The models the head can use: encoder-decoders whose parts have these classes' names.
T5Family = T5ForConditionalGeneration | MT5ForConditionalGeneration | UMT5ForConditionalGeneration

_MODEL_CLASSES: dict[str, Any] = {
    'mt5': MT5ForConditionalGeneration,
    't5': T5ForConditionalGeneration,
    'umt5': UMT5ForConditionalGeneration,
}
HOW_TO_GET = (
    'Give a folder that holds it, a Hugging Face name on a machine with network (or with the files in its cache), or '
    'make a small one from your own texts: python tools/models/make_language_model.py ANNOTATIONS --out FOLDER.'
)


def load_language_model(name: str, pretrained: bool = True, dropout: float | None = None) -> T5Family:
    """Return a T5-family encoder-decoder model, with some layers leaner than Hugging Face's (``use_lean_layers``).

    On the meta device, where there are no values, no weights are looked for. The sizes of the models in
    ``PUBLISHED_CONFIGS`` are known without their files.

    Args:
        name: Hugging Face name, such as ``google/mt5-base``, or a folder in Hugging Face's layout.
        pretrained: whether to load the weights; if not, the model is built from ``config.json`` alone.
        dropout: dropout share in training; None keeps the config's.

    Raises:
        DataError: if the files cannot be had, or belong to another kind of model.
    """
    config = read_language_model_config(name)
    if dropout is not None:
        config.dropout_rate = dropout
    model = make_plain_model(name, config, pretrained)
    use_lean_layers(model)
    return model


def make_plain_model(name: str, config: PretrainedConfig, pretrained: bool) -> T5Family:
    """Do what ``load_language_model`` does, with Hugging Face's layers."""
    model_class = _MODEL_CLASSES[config.model_type]
    if on_meta_device():
        return model_class(config)
    if not pretrained:
        return _with_random_weights(model_class, config)
    try:
        return model_class.from_pretrained(name, config=config)
    except (OSError, ValueError) as error:
        raise DataError(
            name,
            f'no weights of a language model found ({_first_line(error, name)}).',
            'For random weights, or weights that come from a checkpoint, set model.head.pretrained=False. '
            + HOW_TO_GET,
        ) from error


def on_meta_device() -> bool:
    """Tell whether new weights are made without values, as in ``with torch.device('meta')``."""
    return torch.get_default_device().type == 'meta'


def read_language_model_config(name: str) -> PretrainedConfig:
    """Return the sizes of a language model of the T5 family.

    Raises:
        DataError: if its config cannot be had, or is that of another kind of model.
    """
    refuse_missing_folder(name)
    if name in PUBLISHED_CONFIGS and not Path(name).is_dir():
        return AutoConfig.for_model(**deepcopy(PUBLISHED_CONFIGS[name]))
    try:
        # Where none is said, Hugging Face takes any type that occurs in the path: "mt5" in "runs/mt5_signs".
        if 'model_type' not in PretrainedConfig.get_config_dict(name)[0]:
            raise ValueError('no config.json with a "model_type"')
        config = AutoConfig.from_pretrained(name)
    except (OSError, ValueError, KeyError) as error:
        raise DataError(name, f'no language model found ({_first_line(error, name)}).', HOW_TO_GET) from error
    if config.model_type not in _MODEL_CLASSES:
        raise DataError(
            name,
            f'expected a language model of type {", ".join(_MODEL_CLASSES)}, got {config.model_type!r}.',
            'Choose an encoder-decoder model of the T5 family, such as google/mt5-base.',
        )
    return config


def refuse_missing_folder(name: str) -> None:
    """Refuse what is clearly a path but no folder; asking the hub for a mistyped path would only hide the mistake.

    Raises:
        DataError: if so.
    """
    # A hub name has at most one slash.
    looks_like_path = name.startswith(('.', '/', '~')) or name.count('/') > 1
    if looks_like_path and not Path(name).is_dir():
        raise DataError(name, 'no such folder; expected a language model (config.json, spiece.model).', HOW_TO_GET)


def _with_random_weights(model_class: Any, config: PretrainedConfig) -> T5Family:
    model = model_class(config)
    if not config.tie_word_embeddings:
        # Hugging Face draws an untied output layer with std 1, for logits of std sqrt(width): far from any start that
        # learns. With this, they have std 1.
        nn.init.normal_(model.lm_head.weight, std=config.initializer_factor * config.d_model**-0.5)
    return model


def _first_line(error: Exception, name: str) -> str:
    """Return the first sentence of a message that may go on for pages, without the folder, which the error names."""
    text = str(error).strip().split('\n')[0].split('. ')[0]
    for folder in (str(Path(name).resolve()), name):
        text = text.replace(f' found in directory {folder}', '')
    return text[:200].rstrip('.')

"""Names and shapes that a checkpoint must have: those of the published model, or of a config's."""

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import MT5Config, MT5ForConditionalGeneration

from unisign.checkpoints import load_state_dict_file, misfits
from unisign.engine.config_check import check_config, read_config
from unisign.models import HandCropEncoder, PartGCNEncoder, PriorGuidedFusion
from unisign.registry import MODELS
from unisign.structures import DataError

_LANGUAGE_MODEL = 'head.language_model.'
_WIDTH = 768  # of the published model's features, and so of its language model


def config_layout(config: str | Path) -> dict[str, Tensor]:
    """Return the state dict of a config's model, without values (on the meta device).

    Raises:
        DataError: if the config, or what it names (language model, labels), is missing or wrong.
    """
    cfg = read_config(config)
    if cfg.get('model') is None:
        raise DataError(config, "has no model = dict(type='UniSign', ..).", 'See configs/_base_/models.')
    check_config(cfg)
    content = cfg.model.to_dict()
    if isinstance(content.get('head'), dict):
        content['head']['pretrained'] = False
    with torch.device('meta'):
        return MODELS.build(content).state_dict()


def check_published(path: str | Path) -> int:
    """Check that a file holds the published model, pose-only or RGB-pose, name by name and shape by shape.

    Args:
        path: of the file, read without running anything in it.

    Returns:
        How many tensors it holds.

    Raises:
        DataError: if it cannot be read or holds something else.
    """
    state = load_state_dict_file(path)
    problems = misfits(state, published_layout(state, path))
    if problems:
        raise DataError(
            path,
            f'the weights are not those of the published model. {problems}',
            'Remove it and download it again.',
        )
    return len(state)


def published_layout(state: Mapping[str, Tensor], source: object) -> dict[str, Tensor]:
    """Return the state dict of the published model, under our names and without values (on the meta device).

    The published sizes are fixed but for the language model, any mT5 of width 768: its depth, vocabulary and inner
    widths are read from ``state``, whose encoder and decoder must then have the same depth.

    Args:
        state: the weights at hand, under our names; whether they hold an RGB branch tells which model is meant.
        source: the file, for errors.

    Raises:
        DataError: if the language model's sizes cannot be told, or for the RGB branch if torchvision is not installed.
    """
    config = _language_model_config(state, source)
    with torch.device('meta'):
        modules: dict[str, nn.Module] = {
            'pose_encoder.': PartGCNEncoder(),
            _LANGUAGE_MODEL: MT5ForConditionalGeneration(config),
        }
        if any(name.startswith(('rgb_encoder.', 'fusion.')) for name in state):
            modules['rgb_encoder.'] = HandCropEncoder(backbone=dict(type='EfficientNet', arch='b0'))
            modules['fusion.'] = PriorGuidedFusion()
    return {prefix + name: value for prefix, module in modules.items() for name, value in module.state_dict().items()}


def _language_model_config(state: Mapping[str, Tensor], source: object) -> MT5Config:
    attention = 'encoder.block.0.layer.0.SelfAttention.'
    vocabulary, _ = _sizes(state, 'shared.weight', source)
    buckets, heads = _sizes(state, attention + 'relative_attention_bias.weight', source)
    inner, _ = _sizes(state, attention + 'q.weight', source)
    feed_forward, _ = _sizes(state, 'encoder.block.0.layer.1.DenseReluDense.wi_0.weight', source)
    block = re.compile(re.escape(_LANGUAGE_MODEL) + r'(?:en|de)coder\.block\.(\d+)\.')
    depth = 1 + max(int(found[1]) for found in map(block.match, state) if found)
    return MT5Config(
        vocab_size=vocabulary,
        d_model=_WIDTH,
        d_kv=inner // heads if heads else 1,
        d_ff=feed_forward,
        num_layers=depth,
        num_decoder_layers=depth,
        num_heads=heads,
        relative_attention_num_buckets=buckets,
        tie_word_embeddings=False,
    )


def _sizes(state: Mapping[str, Tensor], name: str, source: object) -> tuple[int, int]:
    weight = state.get(_LANGUAGE_MODEL + name)
    if weight is None or weight.ndim != 2:
        found = 'is missing' if weight is None else f'has the shape {list(weight.shape)}, not two sizes'
        raise DataError(
            source, f"the language model's {name} {found}.", 'Fetch the file again; it is not a whole Uni-Sign model.'
        )
    return weight.shape[0], weight.shape[1]

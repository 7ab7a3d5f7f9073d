"""What a training costs: floating-point operations from the model's sizes, GPU-hours from a rate.

A multiplication and an addition are two operations. Only matrix products and convolutions are counted; what else there
is (norms, softmax, activations) is bound by memory, and lowers the share of the peak that is reached.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import MT5Config, PretrainedConfig

from unisign.models.backbones.part_gcn_encoder import NETWORK_PARTS
from unisign.models.language_models.loading import read_language_model_config
from unisign.registry import MODELS
from unisign.structures import PARTS

# Sizes of published language models, for machines without network; all others are read from their config.json.
PUBLISHED: dict[str, dict[str, int]] = {
    'google/mt5-base': dict(vocab_size=250112, d_model=768, d_kv=64, d_ff=2048, num_layers=12, num_heads=12),
    'google/mt5-small': dict(vocab_size=250112, d_model=512, d_kv=64, d_ff=1024, num_layers=8, num_heads=6),
}
CROP_SIZE = 112
SAMPLED_SHARE = 0.1  # of a hand's frames whose picture is read (spec.md, section 5)
HOPS = 2


@dataclass(frozen=True)
class ClipFlops:
    """Operations of one clip's forward pass, by part of the model."""

    pose_encoder: float
    rgb_encoder: float
    language_model: float

    @property
    def forward(self) -> float:
        """All parts together."""
        return self.pose_encoder + self.rgb_encoder + self.language_model


def clip_flops(model: Mapping[str, Any], frames: int, target_tokens: int, prompt_tokens: int) -> ClipFlops:
    """Return the operations of one clip's forward pass in training.

    Args:
        model: the ``model`` of a config; its ``pose_encoder`` must be a ``PartGCNEncoder``.
        frames: of the clip, T.
        target_tokens: of its text, ``</s>`` included.
        prompt_tokens: what the language model reads before the frames.
    """
    config = _language_model(model['head']['language_model'])
    return ClipFlops(
        pose_encoder=frames * pose_encoder_flops(model['pose_encoder'], config.d_model),
        rgb_encoder=2 * ceil(SAMPLED_SHARE * frames) * _crop_flops(model['rgb_encoder'])
        if model.get('rgb_encoder')
        else 0,
        language_model=language_model_flops(config, prompt_tokens + frames, target_tokens),
    )


def pose_encoder_flops(encoder: Mapping[str, Any], out_channels: int) -> int:
    """Return the operations of ``PartGCNEncoder`` for one frame (spec.md, section 3)."""
    embed = encoder.get('embed_channels', 64)
    spatial = (embed, *encoder.get('spatial_channels', (64, 128, 256)))
    temporal = (spatial[-1], *encoder.get('temporal_channels', (256, 256, 256)))
    kernel = encoder.get('temporal_kernel', 5)
    total = 2 * len(PARTS) * temporal[-1] * out_channels
    for names in NETWORK_PARTS.values():
        points = len(PARTS[names[0]])
        blocks = [(a, b, 0) for a, b in pairwise(spatial)]
        blocks += [(a, b, kernel) for a, b in pairwise(temporal)]
        frame = 2 * points * encoder.get('in_channels', 3) * embed
        total += len(names) * (frame + sum(_block_flops(points, *block) for block in blocks))
    return total


def _block_flops(points: int, channels: int, out_channels: int, kernel: int) -> int:
    mix = HOPS * (2 * points * channels * out_channels + 2 * points * points * out_channels)
    residual = 2 * points * channels * out_channels if channels != out_channels else 0
    return mix + residual + 2 * points * kernel * out_channels * out_channels


def language_model_flops(config: PretrainedConfig, read: int, written: int) -> int:
    """Return the operations of a T5-family model that reads ``read`` and writes ``written`` tokens, teacher-forced."""
    width, inner, wide = config.d_model, config.num_heads * config.d_kv, config.d_ff
    ff = (3 if config.is_gated_act else 2) * 2 * width * wide  # a token's feed-forward layers
    projection = 2 * width * inner  # a token's query, key, value or output
    encoder = read * (4 * projection + ff) + 4 * read * read * inner
    own = written * (4 * projection + ff) + 4 * written * written * inner
    cross = (2 * written + 2 * read) * projection + 4 * written * read * inner
    decoder_layers = config.num_decoder_layers or config.num_layers
    return config.num_layers * encoder + decoder_layers * (own + cross) + 2 * written * width * config.vocab_size


def _language_model(name: str) -> PretrainedConfig:
    if name in PUBLISHED:
        return MT5Config(**PUBLISHED[name], feed_forward_proj='gated-gelu')
    return read_language_model_config(name)


def _crop_flops(rgb_encoder: Mapping[str, Any]) -> int:
    """Return the operations of the RGB encoder for one picture; the fusion, about a fifth of that, is left out."""
    with torch.device('meta'), FlopCounterMode(display=False) as counter:
        MODELS.build(dict(rgb_encoder)).eval()(torch.zeros(1, 3, CROP_SIZE, CROP_SIZE))
    return counter.get_total_flops()


@dataclass(frozen=True)
class Cost:
    """What a training costs.

    Attributes:
        clips: trained on, all epochs together.
        flops: of all of them.
        gpu_hours: of one GPU.
        hours: of all of them together, by the clock.
    """

    clips: float
    flops: float
    gpu_hours: float
    hours: float


def training_flops(flops: ClipFlops, model: Mapping[str, Any]) -> float:
    """Return the operations of a clip in training: the backward pass costs two forward passes.

    Parts with activation checkpointing are computed once more.
    """
    pose = 4 if model['pose_encoder'].get('with_cp') else 3
    rgb = 4 if (model.get('rgb_encoder') or {}).get('with_cp') else 3
    language = 4 if model['head'].get('gradient_checkpointing') else 3
    return pose * flops.pose_encoder + rgb * flops.rgb_encoder + language * flops.language_model


def cost(clips: float, flops_a_clip: float, clips_per_second: float, gpus: int, efficiency: float) -> Cost:
    """Return what it costs to train on ``clips`` clips, epochs multiplied in.

    Args:
        clips: how many.
        flops_a_clip: operations of one, in training.
        clips_per_second: of one GPU that is alone.
        gpus: how many share the work.
        efficiency: share of that rate that is left with all of them, in (0, 1].
    """
    gpu_hours = clips / (clips_per_second * efficiency) / 3600
    return Cost(clips, clips * flops_a_clip, gpu_hours, gpu_hours / gpus)

"""Attention of Hugging Face's T5 and mT5 by PyTorch's fused kernels, for GPUs.

Hugging Face's (transformers 4) keeps the scores, their softmax, the choice of dropout and what is left, each
[B, H, L, S], for the backward pass of every layer. Fused, a layer keeps a number a query; all layers share one bias.

Shape letters: B clips, H heads, c channels a head, L queries, S keys.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers.models.mt5.modeling_mt5 import MT5Attention
from transformers.models.t5.modeling_t5 import T5Attention

from unisign.models.language_models.joined_layers import project

# Where it is used. CPUs have no fused kernel that drops out.
DEVICES = ('cuda',)
# Those that give the bias a gradient.
_KERNELS = [SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]
# Rows of a bias begin at multiples of so many numbers, or PyTorch copies it in each layer.
_ALIGNMENT = 8
_UNUSUAL = 'past_key_values', 'layer_head_mask', 'output_attentions'


def is_fusible(attention: nn.Module, hidden: Tensor, options: dict[str, Any]) -> bool:
    """Tell whether ``attend`` can do what the attention's ``forward(hidden, **options)`` does."""
    known = isinstance(attention, T5Attention | MT5Attention) and not attention.pruned_heads
    usual = all(options.get(name) in (None, False) for name in _UNUSUAL)
    return known and usual and hidden.device.type in DEVICES


def attend(
    attention: Any,
    hidden: Tensor,
    mask: Tensor | None = None,
    key_value_states: Tensor | None = None,
    position_bias: Tensor | None = None,
    **_: Any,
) -> tuple[Tensor, Tensor]:
    """Do what a T5 attention does without a cache.

    Args:
        attention: Hugging Face's.
        hidden: [B, L, C].
        mask: [B, 1, 1 or L, S]; is added to the scores.
        key_value_states: [B, S, C]; None for self-attention.
        position_bias: what an earlier layer returned; None in the first.

    Returns:
        The attended states [B, L, C], and the bias with the mask, [B or 1, H, L, S], for the next layer.
    """
    seen = hidden if key_value_states is None else key_value_states
    heads = (attention.n_heads, attention.key_value_proj_dim)
    if seen is hidden:
        projected = project((attention.q, attention.k, attention.v), hidden)
    else:
        projected = [attention.q(hidden), *project((attention.k, attention.v), seen)]
    query, key, value = (one.unflatten(-1, heads).transpose(1, 2) for one in projected)
    if position_bias is None:
        position_bias = _bias(attention, query, key.shape[2], mask)
    dropout = attention.dropout if attention.training else 0.0
    with sdpa_kernel(_KERNELS):
        # T5 does not scale its scores.
        attended = F.scaled_dot_product_attention(query, key, value, position_bias, dropout, scale=1.0)
    return attention.o(attended.transpose(1, 2).flatten(2)), position_bias


def _bias(attention: Any, query: Tensor, keys: int, mask: Tensor | None) -> Tensor:
    """Return the bias of relative positions, if there is one, plus the mask, as [B or 1, H, L, S]."""
    _, num_heads, queries, _ = query.shape
    if attention.has_relative_attention_bias:
        bias = attention.compute_bias(queries, keys, device=query.device).to(query.dtype)
    else:
        bias = query.new_zeros(1, 1, 1, keys)
    if mask is not None:
        # Not the least number of a wider type, which would be minus infinity here.
        bias = bias + mask[..., :keys].clamp_min(torch.finfo(query.dtype).min).to(query.dtype)
    bias = F.pad(bias, (0, -keys % _ALIGNMENT)).contiguous()[..., :keys]
    return bias.expand(-1, num_heads, queries, -1)

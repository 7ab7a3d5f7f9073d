"""A T5-family decoder run by hand, where Hugging Face's forward pass is too general.

Beam search and the scoring of a prefix tree both have many decoder positions per clip (beams, tree nodes) that look at
the same encoder states, and whose self-attention sees something else than the positions to the left. So the clip's
states are projected once and shared, and the caller says how positions attend to each other. The weights and the
feed-forward layers are Hugging Face's. For evaluation: there is no dropout here.

Shape letters: B clips, N positions a clip, S encoder states, H heads, K width of a head, C width of the model.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers.models.mt5.modeling_mt5 import MT5DenseGatedActDense
from transformers.models.t5.modeling_t5 import T5DenseGatedActDense

from unisign.models.heads.packed_weights import packed_product, packed_weight
from unisign.models.language_models import T5Family
from unisign.models.product_precision import product_precision

FEW_ROWS = 64

# (layer, queries, keys, values), each [B or 1, N, H, K], to the attended values [B or 1, N, H, K].
SelfAttend = Callable[[int, Tensor, Tensor, Tensor], Tensor]


@dataclass
class Memory:
    """The encoder states of B clips as the decoder's layers read them.

    Attributes:
        keys: one [B, H, K, S] a layer.
        values: one [B, H, S, K] a layer.
        bias: [B, 1, 1, S]; 0 where a state counts, a very large negative number elsewhere.
    """

    keys: list[Tensor]
    values: list[Tensor]
    bias: Tensor

    def select(self, clips: Tensor) -> 'Memory':
        """Return the memory of some clips, long [b]."""
        return Memory([k[clips] for k in self.keys], [v[clips] for v in self.values], self.bias[clips])


def make_memory(model: T5Family, states: Tensor, mask: Tensor) -> Memory:
    """Project encoder states [B, S, C] with mask [B, S] for every decoder layer."""
    keys, values = [], []
    for block in model.decoder.block:
        attention = block.layer[1].EncDecAttention
        # In the order in which every step reads them: else it would copy them first.
        keys.append(_heads(attention.k(states), attention).permute(0, 2, 3, 1).contiguous())
        values.append(_heads(attention.v(states), attention).transpose(1, 2).contiguous())
    bias = torch.zeros(mask.shape, dtype=keys[0].dtype, device=mask.device)
    bias = bias.masked_fill(mask == 0, torch.finfo(bias.dtype).min)
    return Memory(keys, values, bias[:, None, None])


def run_decoder(model: T5Family, tokens: Tensor, memory: Memory, attend: SelfAttend) -> Tensor:
    """Return the decoder's states [B, N, C], after the final norm.

    Args:
        model: T5-family model.
        tokens: long [B, N], or [1, N] if all clips have the same: then all that the clip does not touch is computed
            once.
        memory: of the B clips.
        attend: the positions' attention to each other.
    """
    return run_blocks(model, model.decoder.embed_tokens(tokens), memory, attend)


def run_blocks(model: T5Family, hidden: Tensor, memory: Memory, attend: SelfAttend) -> Tensor:
    """Return the decoder's states [B, N, C] for embedded tokens [B, N, C]; see ``run_decoder``."""
    for number, block in enumerate(model.decoder.block):
        attention = block.layer[0].SelfAttention
        normed = for_products(block.layer[0].layer_norm(hidden))
        projections = (attention.q, attention.k, attention.v)
        queries, keys, values = (_heads(apply_linear(project, normed), attention) for project in projections)
        hidden = hidden + apply_linear(attention.o, attend(number, queries, keys, values).flatten(2))
        hidden = hidden + _read_memory(block.layer[1], hidden, memory, number)
        hidden = feed_forward(block.layer[-1], hidden)
    return model.decoder.final_layer_norm(hidden)


def attend_to_cache(
    bias: Tensor, queries: Tensor, keys: Tensor, values: Tensor, past: tuple[Tensor, Tensor] | None
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Let each text's newest token attend to all its tokens.

    Args:
        bias: [num_distances, H]; from ``position_biases``.
        queries: [B, N, H, K], of the newest token of N texts a clip.
        keys: likewise.
        values: likewise.
        past: keys and values of the tokens before, each [B, N, H, P, K]; None where there are none.

    Returns:
        The attended values [B, N, H, K], and keys and values with the newest token's, each [B, N, H, P + 1, K].
    """
    keys, values = keys[..., None, :], values[..., None, :]
    if past is not None:
        keys, values = torch.cat([past[0], keys], dim=-2), torch.cat([past[1], values], dim=-2)
    bias = bias[: keys.shape[-2]].flip(0).t()  # [H, P + 1], the newest last
    scores = queries[..., None, :] @ keys.transpose(-2, -1) + bias[:, None]
    weights = scores.float().softmax(dim=-1).type_as(scores)
    return (weights @ values).squeeze(-2), (keys, values)


def for_products(x: Tensor) -> Tensor:
    """Return ``x`` as autocast, if it is on, would round it for each of several products."""
    return x.to(product_precision(x))


def apply_linear(layer: Any, x: Tensor) -> Tensor:
    """Return ``layer(x)``, [..., C] to [..., C'].

    A step of beam search has few rows, and the weights are what it reads. On the CPU the product with the weights on
    the left then takes three quarters of the time, with weights in order (``packed_weight``) half (docs/benchmarks.md).
    """
    if torch.compiler.is_compiling():  # an export too: its number of rows is free
        return layer(x)
    rows = x.numel() // max(x.shape[-1], 1)
    plain = type(layer) is nn.Linear and layer.bias is None and x.dtype == layer.weight.dtype
    if not plain or x.device.type != 'cpu' or rows > FEW_ROWS or torch.is_autocast_enabled('cpu'):
        return layer(x)
    packed = None if torch.is_grad_enabled() else packed_weight(layer)
    if packed is not None:
        return packed_product(x, packed)
    return torch.mm(layer.weight, x.reshape(rows, x.shape[-1]).t()).t().reshape(*x.shape[:-1], len(layer.weight))


def feed_forward(layer: Any, hidden: Tensor) -> Tensor:
    """Return the states after a feed-forward layer, its residual included."""
    dense = layer.DenseReluDense
    if isinstance(dense, T5DenseGatedActDense | MT5DenseGatedActDense):
        normed = for_products(layer.layer_norm(hidden))
        inner = dense.act(apply_linear(dense.wi_0, normed)) * apply_linear(dense.wi_1, normed)
        return hidden + apply_linear(dense.wo, inner)
    return layer(hidden)


def position_biases(model: T5Family, num_distances: int) -> list[Tensor]:
    """Return each layer's bias [num_distances, H] for attending to a position that far back in the text."""
    biases: list[Tensor] = []
    for block in model.decoder.block:
        attention = block.layer[0].SelfAttention
        if attention.has_relative_attention_bias:  # T5 and mT5: the first layer's serves all; uMT5: each its own
            bias = attention.compute_bias(num_distances, num_distances)[0, :, -1]  # [H, key position]
            biases.append(bias.flip(1).t())
        else:
            biases.append(biases[-1])
    return biases


def special_tokens(model: Any) -> tuple[int, int, int]:
    """Return the ids of ``</s>``, of padding, and of the token that starts every text, by the model's config."""
    config: Any = model.config
    return config.eos_token_id, config.pad_token_id, config.decoder_start_token_id


def output_scale(model: T5Family) -> float:
    """Return what decoder states are multiplied by before the output layer: T5's rule for a shared embedding."""
    return model.config.d_model**-0.5 if model.config.tie_word_embeddings else 1.0


def _heads(x: Tensor, attention: Any) -> Tensor:
    return x.unflatten(-1, (attention.n_heads, attention.key_value_proj_dim))


def _read_memory(layer: Any, hidden: Tensor, memory: Memory, number: int) -> Tensor:
    attention = layer.EncDecAttention
    queries = _heads(apply_linear(attention.q, layer.layer_norm(hidden)), attention).transpose(
        1, 2
    )  # [B or 1, H, N, K]
    scores = queries @ memory.keys[number] + memory.bias
    weights = scores.float().softmax(dim=-1).type_as(scores)
    return apply_linear(attention.o, (weights @ memory.values[number]).transpose(1, 2).flatten(2))

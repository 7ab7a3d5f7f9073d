"""A T5-family encoder run by hand for evaluation: the weights are Hugging Face's, the attention PyTorch's fused one."""

import torch
import torch.nn.functional as F
from torch import Tensor

from unisign.models.heads.t5_decoder import apply_linear, feed_forward, for_products
from unisign.models.language_models import T5Family


def run_encoder(model: T5Family, embeddings: Tensor, mask: Tensor) -> Tensor:
    """Return the encoder's states [B, L, C], as ``model.encoder`` without dropout.

    Args:
        model: T5-family model.
        embeddings: [B, L, C].
        mask: [B, L]; 1 where a position counts.
    """
    hidden, bias = embeddings, None
    length, padded = embeddings.shape[1], bool((mask == 0).any())
    for block in model.encoder.block:
        layer = block.layer[0]
        attention = layer.SelfAttention
        normed = for_products(layer.layer_norm(hidden))
        heads = (attention.n_heads, attention.key_value_proj_dim)
        queries, keys, values = (
            apply_linear(project, normed).unflatten(-1, heads).transpose(1, 2)
            for project in (attention.q, attention.k, attention.v)
        )
        if attention.has_relative_attention_bias:  # T5 and mT5: the first layer's serves all; uMT5: each its own
            bias = attention.compute_bias(length, length).to(queries.dtype)
            if padded:
                bias = bias.masked_fill(mask[:, None, None] == 0, torch.finfo(bias.dtype).min)  # B H L L
        # T5 does not scale its scores.
        attended = F.scaled_dot_product_attention(queries, keys, values, attn_mask=bias, scale=1.0)
        hidden = hidden + apply_linear(attention.o, attended.transpose(1, 2).flatten(2))
        hidden = feed_forward(block.layer[-1], hidden)
    return model.encoder.final_layer_norm(hidden)

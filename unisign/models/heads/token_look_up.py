"""The embeddings of tokens, with a gradient in kept memory where the table is large."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from unisign.models.block_memory import is_large, large_empty


def look_up(table: nn.Embedding, tokens: Tensor) -> Tensor:
    """Return ``table(tokens)``, [N, C] for long [N]."""
    if _has_large_gradient(table):
        return _LookUp.apply(tokens, table.weight)
    return table(tokens)


def _has_large_gradient(table: nn.Module) -> bool:
    """Tell whether it is PyTorch's plain look-up, on the CPU, and learns a large table."""
    if type(table) is not nn.Embedding or table._forward_pre_hooks or table._forward_hooks:
        return False
    plain = table.padding_idx is None and table.max_norm is None and not table.sparse and not table.scale_grad_by_freq
    weight = table.weight
    learns = type(weight) is nn.Parameter and weight.requires_grad and torch.is_grad_enabled()
    return plain and learns and is_large(weight.shape, weight.dtype, weight.device)


class _LookUp(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, tokens: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(tokens)
        ctx.shape, ctx.dtype, ctx.device = weight.shape, weight.dtype, weight.device
        return weight[tokens]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[None, Tensor]:
        (tokens,) = ctx.saved_tensors
        of_weight = large_empty(ctx.shape, ctx.dtype, ctx.device).zero_()
        return None, of_weight.index_add_(0, tokens, grad)

"""Layers of Hugging Face's T5 family that need less time and memory in training: same formulas, same weights."""

from typing import Any

import torch
from torch import Tensor, nn
from transformers.activations import NewGELUActivation

# Values of the random numbers that choose: 16 bits each.
_VALUES = 1 << 16


def use_lean_layers(model: nn.Module) -> None:
    """Put leaner layers in the place of those that have no weights.

    mT5's activation, GELU by its tanh formula, is eight operations in Hugging Face's module, whose results are all kept
    for the backward pass; PyTorch has it as one. Dropout becomes ``LeanDropout``.
    """
    for module in list(model.modules()):
        for name, layer in module.named_children():
            if type(layer) is NewGELUActivation:
                setattr(module, name, nn.GELU(approximate='tanh'))
            elif type(layer) is nn.Dropout:
                setattr(module, name, LeanDropout(layer.p).train(layer.training))


class LeanDropout(nn.Dropout):
    """Dropout that draws 16 random bits a value on the CPU, where PyTorch's draws 64 one after the other.

    The share that is dropped is ``p`` to the next 1 / 65,536, and what is kept is scaled for that share. A byte a value
    is kept for the backward pass, not the value's own size. Elsewhere it is PyTorch's.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` [...] with some values set to 0 in training."""
        dropped = round(self.p * _VALUES)
        if not self.training or x.device.type != 'cpu' or not 0 < dropped < _VALUES:
            return super().forward(x)
        return _Dropout.apply(x, dropped)


class _Dropout(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, dropped: int) -> Tensor:
        kept = _random_numbers(x) >= dropped - _VALUES // 2
        ctx.save_for_backward(kept)
        ctx.scale = _VALUES / (_VALUES - dropped)
        return (x * kept).mul_(ctx.scale)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (kept,) = ctx.saved_tensors
        return (grad * kept).mul_(ctx.scale), None


def _random_numbers(like: Tensor) -> Tensor:
    """Return integers from -32,768 to 32,767, each as likely as any other, one a value of ``like``, as int16."""
    together = torch.int64.itemsize // torch.int16.itemsize
    drawn = torch.empty(-(-like.numel() // together), dtype=torch.int64).random_(-(2**63), None)
    return drawn.view(torch.int16)[: like.numel()].view(like.shape)

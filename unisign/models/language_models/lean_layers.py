"""Layers of Hugging Face's T5 family that need less time and memory in training: same formulas, same weights."""

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from transformers.activations import NewGELUActivation
from transformers.models.mt5.modeling_mt5 import MT5DenseGatedActDense, MT5LayerNorm
from transformers.models.t5.modeling_t5 import T5DenseGatedActDense, T5LayerNorm

from unisign.models.language_models import fused_attention
from unisign.models.language_models.fused_attention import attend, is_fusible
from unisign.models.language_models.joined_layers import project

# Values of the random numbers that choose: 16 bits each.
_VALUES = 1 << 16


def use_lean_layers(model: nn.Module) -> None:
    """Make layers leaner; weights, their names and what they compute stay.

    mT5's activation, GELU by its tanh formula, is eight operations in Hugging Face's module, whose results are all kept
    for the backward pass; PyTorch has it as one. Dropout becomes ``LeanDropout``, also inside the attention. On a GPU,
    where starting small operations takes longer than they do, the attention is a fused one (``fused_attention``), a
    norm is one operation and not six, and the two products of a gated layer are one (``joined_layers``).
    """
    for module in list(model.modules()):
        module.__class__ = _leaner(type(module))  # type: ignore[assignment]
        for name, layer in module.named_children():
            if type(layer) is NewGELUActivation:
                setattr(module, name, nn.GELU(approximate='tanh'))
            elif type(layer) is nn.Dropout:
                setattr(module, name, LeanDropout(layer.p).train(layer.training))
        if isinstance(getattr(module, 'dropout', None), float):
            # An attention, which calls a function, not a layer.
            module.__class__ = _lean_attention(type(module))  # type: ignore[assignment, arg-type]


class LeanDropout(nn.Dropout):
    """Dropout that draws 16 random bits a value on the CPU, where PyTorch's draws 64 one after the other.

    The share that is dropped is ``p`` to the next 1 / 65,536, and what is kept is scaled for that share. A byte a value
    is kept for the backward pass, not the value's own size. Elsewhere it is PyTorch's.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` [...] with some values set to 0 in training."""
        return lean_dropout(x, self.p, self.training, self.inplace)


def lean_dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Do what ``LeanDropout`` does; arguments as for ``torch.nn.functional.dropout``."""
    dropped = round(p * _VALUES)
    lean = input.device.type == 'cpu' and not inplace and not torch.compiler.is_compiling()
    if not training or not lean or not 0 < dropped < _VALUES:
        return F.dropout(input, p, training, inplace)
    return _Dropout.apply(input, dropped)


class _LeanDropout(TorchFunctionMode):
    """While it is on, ``torch.nn.functional.dropout`` is ``lean_dropout``."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return (lean_dropout if func is F.dropout else func)(*args, **(kwargs or {}))


@cache
def _lean_attention(kind: type[nn.Module]) -> type[nn.Module]:
    """Return a class like ``kind`` that is fused where it can be, and elsewhere drops out by ``lean_dropout``."""

    class LeanAttention(kind):  # type: ignore[misc, valid-type]
        def forward(self, hidden_states: Tensor, *args: Any, **options: Any) -> Any:
            if not args and is_fusible(self, hidden_states, options):
                return attend(self, hidden_states, **options)
            lean = hidden_states.device.type == 'cpu' and not torch.compiler.is_compiling()
            if not self.training or not lean:
                return super().forward(hidden_states, *args, **options)
            with _LeanDropout():
                return super().forward(hidden_states, *args, **options)

    return LeanAttention


@cache
def _lean_norm(kind: type[nn.Module]) -> type[nn.Module]:
    """Return a class like ``kind``, T5's norm by the root of the mean square, that is one operation on a GPU."""

    class LeanNorm(kind):  # type: ignore[misc, valid-type]
        def forward(self, hidden_states: Tensor) -> Tensor:
            if hidden_states.device.type not in fused_attention.DEVICES or hidden_states.dtype != self.weight.dtype:
                return super().forward(hidden_states)
            return F.rms_norm(hidden_states, self.weight.shape, self.weight, self.variance_epsilon)

    return LeanNorm


@cache
def _lean_feed_forward(kind: type[nn.Module]) -> type[nn.Module]:
    """Return a class like ``kind``, mT5's gated layer, whose two products are one under autocast on a GPU."""

    class LeanFeedForward(kind):  # type: ignore[misc, valid-type]
        def forward(self, hidden_states: Tensor) -> Tensor:
            if hidden_states.device.type not in fused_attention.DEVICES:
                return super().forward(hidden_states)
            gate, values = project((self.wi_0, self.wi_1), hidden_states)
            return self.wo(self.dropout(self.act(gate) * values))

    return LeanFeedForward


def _leaner(kind: type[nn.Module]) -> type[nn.Module]:
    """Return the leaner class for a layer of some kind; mostly its own."""
    if kind in (T5LayerNorm, MT5LayerNorm):
        return _lean_norm(kind)
    return _lean_feed_forward(kind) if kind in (T5DenseGatedActDense, MT5DenseGatedActDense) else kind


class _Dropout(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, dropped: int) -> Tensor:
        kept = _random_numbers(x) >= dropped - _VALUES // 2
        ctx.save_for_backward(kept)
        ctx.scale = _VALUES / (_VALUES - dropped)
        return _keep(x, kept, ctx.scale)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (kept,) = ctx.saved_tensors
        return _keep(grad, kept, ctx.scale), None


def _keep(x: Tensor, kept: Tensor, scale: float) -> Tensor:
    """Return ``x * kept * scale``; bytes are multiplied with in less than half the time of truth values."""
    return torch.mul(x, kept.view(torch.uint8)).mul_(scale)


def _random_numbers(like: Tensor) -> Tensor:
    """Return integers from -32,768 to 32,767, each as likely as any other, one a value of ``like``, as int16."""
    together = torch.int64.itemsize // torch.int16.itemsize
    drawn = torch.empty(-(-like.numel() // together), dtype=torch.int64).random_(-(2**63), None)
    return drawn.view(torch.int16)[: like.numel()].view(like.shape)

"""Activation checkpointing of a block: its inner activations are computed again in the backward pass, not stored."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from torch import nn
from torch.utils.checkpoint import checkpoint

from unisign.models.backbones.batch_statistics import guarded_statistics


def run_repeatedly(block: nn.Module, *inputs: Any) -> Any:
    """Return ``block(*inputs)`` storing the inputs alone; the repetition leaves the batch statistics as they are."""
    return checkpoint(block, *inputs, use_reentrant=False, context_fn=lambda: _contexts(block))


def _contexts(block: nn.Module) -> tuple[AbstractContextManager, AbstractContextManager]:
    return nullcontext(), guarded_statistics(block, empty=False, again=True)

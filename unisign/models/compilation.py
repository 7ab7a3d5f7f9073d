"""What all that goes through ``torch.compile`` has in common."""

from typing import Any

import torch

# Graphs of a function: in training and in evaluation, with and without autocast, with frozen parts, by a copy of the
# model, for a batch of one.
VARIANTS = 32


def compile_options(options: dict[str, Any]) -> dict[str, Any]:
    """Return options of ``torch.compile`` with free sizes unless ``dynamic`` is given, and make room for ``VARIANTS``.

    Beyond its limit PyTorch would silently run a function uncompiled. Other code of the process keeps the larger one.
    """
    torch._dynamo.config.recompile_limit = max(torch._dynamo.config.recompile_limit, VARIANTS)
    return dict(dynamic=True) | options

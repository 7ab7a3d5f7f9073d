"""Linear layers with the same input as one matrix product, where autocast copies their weights anyway."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def project(layers: Sequence[nn.Module], states: Tensor) -> Sequence[Tensor]:
    """Return what each of some layers without a bias makes of ``states`` [..., C].

    Autocast rounds a copy of each weight. Under it the weights are joined first: one copy is rounded, one product goes
    forward and two go back, and the gradient of ``states`` is summed in float32 within one of them. Else, and where a
    layer is none of PyTorch's own (an adapter, a quantised one) or is listened to by hooks, each is called for itself.
    """
    if not torch.is_autocast_enabled(states.device.type) or not all(map(_is_plain, layers)):
        return [layer(states) for layer in layers]
    weights: list[Tensor] = [layer.weight for layer in layers]  # type: ignore[misc]
    return F.linear(states, torch.cat(weights)).split([len(weight) for weight in weights], dim=-1)


def _is_plain(layer: nn.Module) -> bool:
    return type(layer) is nn.Linear and layer.bias is None and not layer._forward_hooks and not layer._forward_pre_hooks

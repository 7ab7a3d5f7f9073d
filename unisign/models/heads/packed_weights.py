"""Weights of linear layers in the order in which the CPU reads them, for products of few rows.

A step of beam search multiplies a few states with every weight of the decoder and the output layer, and before each
product the CPU puts the weights in order: most of its time. Layers that are asked again and again keep a copy in that
order instead. It is a second copy in memory, for evaluation on the CPU alone.
"""

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

# So often is a layer asked before it gets a copy: making one takes as long as some ten products.
USES = 16
# Numbers of a weight that are looked at to see whether it has changed.
LOOKED_AT = 64


@dataclass
class _Use:
    """Of a layer's weight, as it was.

    Attributes:
        weight: what it was; see ``_state``.
        count: how often it was asked for.
        packed: the copy.
    """

    weight: tuple[int, int, float]
    count: int = 0
    packed: Tensor | None = None


# Beside the layers, not in them: a model is copied, saved and sent without.
_uses: WeakKeyDictionary[nn.Linear, _Use] = WeakKeyDictionary()


def packed_weight(layer: nn.Linear) -> Tensor | None:
    """Return the layer's weight as ``packed_product`` takes it; None where it is not asked often enough.

    A weight that changes is noticed if PyTorch counts the change, or if it concerns the weight as a whole. Whoever
    changes a part of ``weight.data`` calls ``forget_packed``; ``MT5GenerationHead`` does so whenever it is set to
    training or evaluation.
    """
    weight = layer.weight
    if weight.dtype != torch.float32 or weight.is_inference() or not torch.backends.mkldnn.is_available():
        return None
    now, use = _state(weight), _uses.get(layer)
    if use is None or use.weight != now:
        use = _uses[layer] = _Use(now)
    use.count += 1
    if use.packed is None and use.count > USES:
        use.packed = torch.ops.mkldnn._reorder_linear_weight(weight.detach())
    return use.packed


def _state(weight: Tensor) -> tuple[int, int, float]:
    """Return a weight's place in memory, how often it was changed, and the sum of some of its numbers.

    Not every change is counted: fused optimizers' steps and changes of ``weight.data`` are not.
    """
    some = weight.detach().flatten()[:: max(weight.numel() // LOOKED_AT, 1)]
    return weight.data_ptr(), weight._version, some.sum().item()


def packed_product(x: Tensor, packed: Tensor) -> Tensor:
    """Return ``x @ weight.T``, [..., C'] for ``x`` [..., C]."""
    return torch.ops.mkldnn._linear_pointwise(x, packed, None, 'none', [], '')


def forget_packed(model: nn.Module) -> None:
    """Drop the copies of all layers of a model."""
    for layer in model.modules():
        if isinstance(layer, nn.Linear):
            _uses.pop(layer, None)

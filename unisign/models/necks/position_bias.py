"""The continuous position bias of the prior-guided fusion: a small network on each pair of points.

Shape letters: P pairs of points (441 a head and hand), W width of the hidden layers.
"""

from typing import Any

import torch
from torch import Tensor, nn

from unisign.models.necks.pair_network import pair_network


class PositionBias(nn.Module):
    """Continuous position bias (Swin V2, Liu et al., CVPR 2022): a small network on logarithmic distances.

    It is most of the fusion's arithmetic, and of its memory where the hidden layers of all pairs are kept. The CPU
    does with a small part of the arithmetic, and keeps a sixth of them (``pair_network``).

    Args:
        width: of the hidden layers.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(2, width),
            nn.ReLU(inplace=True),
            nn.Linear(width, width),
            nn.ReLU(inplace=True),
            nn.Linear(width, 1),
        )

    def forward(self, distances: Tensor) -> Tensor:
        """Return [...] for distances [..., 2] in units where the crop is 2 wide."""
        weights = list(self.layers.parameters())
        # Two dimensions: behind a linear layer of more, an in-place ReLU costs a copy in the backward pass.
        pairs = distances.flatten(0, -2)
        if pairs.device.type == 'cpu' and len(pairs):
            with torch.autocast('cpu', enabled=False):
                inputs = _Logarithmic.apply(pairs.to(weights[0].dtype))
                bias = pair_network(inputs, *weights)
        else:
            bias = self.layers(logarithmic(pairs).to(weights[0].dtype)).squeeze(-1)
        return bias.view(distances.shape[:-1])


def logarithmic(distances: Tensor) -> Tensor:
    """Return sign(d) log(|d| + 1)."""
    return distances.sign() * distances.abs().log1p()


class _Logarithmic(torch.autograd.Function):
    """``logarithmic``, with a backward pass that goes over the distances once."""

    @staticmethod
    def forward(ctx: Any, distances: Tensor) -> Tensor:
        """Return the same shape."""
        ctx.save_for_backward(distances)
        return distances.abs().log1p_().copysign_(distances)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        """Return the gradient of the distances."""
        (distances,) = ctx.saved_tensors
        scale = distances.abs().add_(1)
        return torch.div(gradient, scale, out=scale)

"""The continuous position bias of the prior-guided fusion: a small network on each pair of points.

Shape letters: P pairs of points (441 a head and hand), W width of the hidden layers.
"""

from typing import Any

import torch
from torch import Tensor, nn

# Pairs that are computed at a time: their hidden layers fit into a core's cache.
PAIRS = 2048


class PositionBias(nn.Module):
    """Continuous position bias (Swin V2, Liu et al., CVPR 2022): a small network on logarithmic distances.

    It is most of the fusion's arithmetic, and of its memory where the hidden layers of all pairs are kept. So the CPU
    takes some pairs at a time, and computes them again in the backward pass.

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
        if pairs.device.type == 'cpu':
            bias = _PairNetwork.apply(pairs.to(weights[0].dtype), *weights)
        else:
            bias = self.layers(logarithmic(pairs).to(weights[0].dtype)).squeeze(-1)
        return bias.view(distances.shape[:-1])


def logarithmic(distances: Tensor) -> Tensor:
    """Return sign(d) log(|d| + 1)."""
    return distances.sign() * distances.abs().log1p()


class _PairNetwork(torch.autograd.Function):
    """``layers(logarithmic(pairs))``, for some pairs at a time: nothing but its arguments is kept."""

    @staticmethod
    @torch.amp.custom_fwd(device_type='cpu', cast_inputs=torch.float32)
    def forward(ctx: Any, pairs: Tensor, *weights: Tensor) -> Tensor:
        """Return [P] for ``pairs`` [P, 2]; ``weights``: weight and bias of each of the three layers."""
        ctx.save_for_backward(pairs, *weights)
        *_, weight, bias = weights
        out = pairs.new_empty(len(pairs))
        for some, result in zip(pairs.split(PAIRS), out.split(PAIRS), strict=True):
            torch.addmv(bias, _hidden(logarithmic(some), *weights[:4])[1], weight[0], out=result)
        return out

    @staticmethod
    @torch.amp.custom_bwd(device_type='cpu')
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, ...]:
        """Return the gradients of the arguments of ``forward`` for that of its result, [P]."""
        pairs, *weights = ctx.saved_tensors
        weight1, bias1, weight2, bias2, weight3, _ = weights
        of_pairs, of_weights = torch.empty_like(pairs), [torch.zeros_like(weight) for weight in weights]
        for some, given, wanted in zip(*(t.split(PAIRS) for t in (pairs, gradient, of_pairs)), strict=True):
            inputs = logarithmic(some)
            hidden1, hidden2 = _hidden(inputs, weight1, bias1, weight2, bias2)
            of_weights[4][0].addmv_(hidden2.t(), given)
            of_hidden2 = _behind_relu_(torch.outer(given, weight3[0]), hidden2)
            of_weights[2].addmm_(of_hidden2.t(), hidden1)
            of_weights[3] += of_hidden2.sum(dim=0)
            of_hidden1 = _behind_relu_(torch.mm(of_hidden2, weight2, out=hidden2), hidden1)  # hidden2 is done with
            of_weights[0].addmm_(of_hidden1.t(), inputs)
            of_weights[1] += of_hidden1.sum(dim=0)
            torch.div(of_hidden1 @ weight1, 1 + some.abs(), out=wanted)
        of_weights[5] += gradient.sum()
        return of_pairs, *of_weights


def _hidden(inputs: Tensor, weight1: Tensor, bias1: Tensor, weight2: Tensor, bias2: Tensor) -> tuple[Tensor, Tensor]:
    """Return both hidden layers, [P, W]."""
    first = torch.addmm(bias1, inputs, weight1.t()).relu_()
    return first, torch.addmm(bias2, first, weight2.t()).relu_()


def _behind_relu_(gradient: Tensor, result: Tensor) -> Tensor:
    """Turn the gradient of a ReLU's result into that of its input (a product with a mask takes ten times as long)."""
    return torch.ops.aten.threshold_backward.grad_input(gradient, result, 0, grad_input=gradient)

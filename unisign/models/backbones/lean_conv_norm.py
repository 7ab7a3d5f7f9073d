"""Convolution, batch norm and SiLU that keep less for the backward pass: for torchvision's image networks.

PyTorch keeps what goes into each of the three, and torchvision's in-place SiLU does not spare its own: it is copied
before it is overwritten. Here the batch norm keeps its input, from which SiLU's is computed again.
"""

from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unisign.models.backbones.lean_batch_norm import (
    can_be_lean,
    norm_backward,
    norm_settings,
    normalise,
    normalise_again,
)
from unisign.models.backbones.lean_steps import backward_pass


def use_lean_activations(network: nn.Module) -> None:
    """Let the blocks of a network that are convolution, batch norm and SiLU keep less; names and results stay.

    They want their images channels last in memory, and make it so where it is not.
    """
    for module in network.modules():
        if isinstance(module, nn.Sequential) and [*map(type, module)] == [nn.Conv2d, nn.BatchNorm2d, nn.SiLU]:
            module.__class__ = _leaner(type(module))  # type: ignore[arg-type, assignment]


@cache
def _leaner(kind: type[nn.Sequential]) -> type[nn.Sequential]:
    class LeanConvNormSilu(kind):  # type: ignore[misc, valid-type]
        def forward(self, input: Tensor) -> Tensor:
            conv, norm, _ = self  # synchronised, the norm is another module
            images = conv(input)
            if images.numel() and can_be_lean(norm) and not torch.compiler.is_compiling():
                return NormSilu.apply(images, norm, norm.weight, norm.bias)
            return F.silu(norm(images))

    return LeanConvNormSilu


class NormSilu(torch.autograd.Function):
    """SiLU of a batch norm."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, norm: nn.BatchNorm2d, gamma: Tensor, beta: Tensor) -> Tensor:
        """Return [N, C, H, W] for ``x`` [N, C, H, W]; ``gamma``, ``beta``: weight and bias of ``norm``."""
        rows = x.permute(0, 2, 3, 1).contiguous()
        out, *statistics = normalise(rows, norm, gamma, beta)
        ctx.save_for_backward(rows, gamma, beta, *statistics)
        ctx.norm = norm_settings(norm)
        return F.silu(out, inplace=True).permute(0, 3, 1, 2)

    @staticmethod
    @backward_pass
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of the arguments of ``forward``."""
        rows, gamma, beta, mean, scale, count = ctx.saved_tensors
        normal = normalise_again(rows, gamma, beta, mean, scale, ctx.norm.eps)
        given = grad.permute(0, 2, 3, 1).contiguous()
        of_normal = torch.ops.aten.silu_backward(given, normal)
        of_x, of_gamma, of_beta = norm_backward(of_normal, rows, gamma, mean, scale, count, ctx.norm)
        return of_x.permute(0, 3, 1, 2), None, of_gamma, of_beta

"""Step 3 of the prior-guided fusion: how much of the picture each keypoint takes."""

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unisign.structures import DataError


class FusionGate(nn.Module):
    """One number in [0, 1) a keypoint: ReLU(tanh(1x1(GELU(1x1(both features))))) (spec.md section 5, step 3).

    Published training starts with both layers at 0. The gate is 0 then and ReLU passes no gradient there, so neither
    the gate nor the RGB branch ever learns. Here the first layer keeps its random start; the last one starts with
    weight 0 and a positive bias, so that the gate is open, the same for all keypoints, and every tensor of it learns
    from the second step on. Published weights give the published numbers.

    The gate learns slowly. What is read from the pictures only disturbs a trained pose model at first; at the rate of
    the rest, training therefore closes the gate within its first hundreds of steps, and ReLU never opens it again
    (docs/ablations.md).

    Args:
        channels: width of each of the two features.
        bias: start of the last layer's bias, positive; the gate starts at tanh(bias).
        lr_mult: the gate's learning rate, as a factor on the base one; ``SignOptimWrapperConstructor`` reads it.

    Raises:
        DataError: for a bias at which no gradient would flow.
    """

    def __init__(self, channels: int, bias: float = 0.5, lr_mult: float = 0.1) -> None:
        super().__init__()
        self.lr_mult = lr_mult
        if bias <= 0:
            raise DataError(
                'model.fusion',
                f'gate_bias={bias} should be positive: at or below 0 the gate is closed and never learns.',
                'Leave it out, or take a number such as 0.5.',
            )
        last = nn.Conv1d(channels, 1, 1)
        nn.init.zeros_(last.weight)
        nn.init.constant_(cast(Tensor, last.bias), bias)
        self.layers = nn.Sequential(nn.Conv1d(2 * channels, channels, 1), nn.GELU(), last)

    def forward(self, read: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        """Blend.

        Args:
            read: what was read from the picture, [N, C, V].
            features: of the keypoints, [N, C, V].

        Returns:
            The blend [N, C, V] and the share of ``read`` in it, [N, V].
        """
        first, last = cast(nn.Conv1d, self.layers[0]), cast(nn.Conv1d, self.layers[2])
        read, features = read.transpose(1, 2), features.transpose(1, 2)  # N V C: plain matrix products
        weights = first.weight.squeeze(-1).split(read.shape[2], dim=1)
        # In two dimensions: of more, ``F.linear`` returns a view, and to add to one costs copies in the backward pass.
        hidden, more = (each.flatten(0, 1) for each in (read, features.to(read.dtype)))
        hidden = F.linear(hidden, weights[0], first.bias).add_(F.linear(more, weights[1])).view_as(read)
        share = F.linear(F.gelu(hidden), last.weight.squeeze(-1), last.bias).tanh().relu()
        blend = _Blend.apply(read.to(features.dtype), features, share.to(features.dtype))
        return blend.transpose(1, 2), share.squeeze(2)


class _Blend(torch.autograd.Function):
    """A weighted mean, with a backward pass that makes one new tensor for each gradient and no more."""

    @staticmethod
    def forward(ctx: Any, read: Tensor, features: Tensor, share: Tensor) -> Tensor:
        """Return ``share`` of ``read`` [N, V, C], the rest of ``features`` [N, V, C], for ``share`` [N, V, 1]."""
        ctx.save_for_backward(read, features, share)
        return torch.lerp(features, read, share)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, ...]:
        """Return the gradients of the arguments."""
        read, features, share = ctx.saved_tensors
        change = read - features
        of_share = change.mul_(gradient).sum(dim=2, keepdim=True)
        of_read = gradient * share
        return of_read, torch.sub(gradient, of_read, out=change), of_share

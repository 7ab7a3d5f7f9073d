"""One block of the part graph network (spec.md section 3): y = ReLU(T(G(x)) + R(x)).

Shape letters: V points of the part, S sequences that share the weights (the two hands: 2, else 1), N packed frames, C
channels, K hops. Points lead and channels come last, so that mixing points and mixing channels are each one matrix
product over all frames, without a transposition in between.
"""

from functools import partial
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from unisign.models.backbones import cached_steps, lean_steps
from unisign.models.backbones.clip_timeline import ClipTimeline
from unisign.models.backbones.fused_steps import FusedSteps
from unisign.models.backbones.lean_batch_norm import WIDE, can_be_lean, norm_settings
from unisign.models.backbones.lean_steps import fold, mix_points
from unisign.models.product_precision import product_precision


def apply_batch_norm(norm: _BatchNorm, x: Tensor) -> Tensor:
    """Apply a batch norm over all but the last dimension of ``x`` [..., C].

    A batch without frames passes through: plain batch norm would turn its running statistics into NaN. Synchronised
    batch norm in training is called all the same, since the other processes wait for it in its collectives.
    """
    if x.numel() == 0 and not (isinstance(norm, nn.SyncBatchNorm) and norm.training and _is_distributed()):
        return x * norm.weight + norm.bias
    channels = x.shape[-1]
    image = x.reshape(1, -1, 1, channels).permute(0, 3, 1, 2)  # [1, C, M, 1], channels last: PyTorch's fast path
    if x.numel() == 0:
        image = image.float()  # in half precision it would send zeros of that type where others send float32
    return norm(image).permute(0, 2, 3, 1).reshape(x.shape)


def _is_distributed() -> bool:
    return torch.distributed.is_available() and torch.distributed.is_initialized()


class GraphBlock(nn.Module):
    """Graph convolution, optional temporal convolution, residual.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        adjacency: [K, V, V] indexed [hop, source, target]; the learned adjacency starts there.
        temporal_kernel: frames the temporal convolution spans, odd; None leaves time alone.

    Attributes:
        fused: compiled steps for training, if it should take these.
    """

    def __init__(
        self, in_channels: int, out_channels: int, adjacency: Tensor, temporal_kernel: int | None = None
    ) -> None:
        super().__init__()
        self.num_hops = len(adjacency)
        self.fused: FusedSteps | None = None
        self.adjacency = nn.Parameter(adjacency.clone())
        self.graph_conv = nn.Conv2d(in_channels, self.num_hops * out_channels, 1)
        self.graph_norm = nn.BatchNorm2d(out_channels)
        self.temporal_conv: nn.Conv2d | None = None
        self.temporal_norm: nn.BatchNorm2d | None = None
        if temporal_kernel is not None:
            self.temporal_conv = nn.Conv2d(
                out_channels, out_channels, (1, temporal_kernel), padding=(0, temporal_kernel // 2)
            )
            self.temporal_norm = nn.BatchNorm2d(out_channels)
        self.residual_conv: nn.Conv2d | None = None
        self.residual_norm: nn.BatchNorm2d | None = None
        if in_channels != out_channels:
            self.residual_conv = nn.Conv2d(in_channels, out_channels, 1)
            self.residual_norm = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor, timeline: Any) -> Tensor:
        """Return [V, S, N, out_channels] for ``x`` [V, S, N, in_channels].

        ``timeline`` is a ``ClipTimeline``, or what takes its place in exported graphs.
        """
        if self._is_plain(x, timeline):
            keeps_gradients = torch.is_grad_enabled() or self.training
            x = x.to(product_precision(x))
            with torch.autocast(x.device.type, enabled=False):  # the steps round the weights themselves
                return self._lean_forward(x, timeline) if keeps_gradients else self._folded_forward(x, timeline)
        y = apply_batch_norm(self.graph_norm, self._mix_points(x)).relu()
        if self.temporal_conv is not None and self.temporal_norm is not None:
            y = timeline.convolve(y, partial(_mix_frames, self.temporal_conv))
            y = apply_batch_norm(self.temporal_norm, y)
        return (y + self._residual(x)).relu()

    def _is_plain(self, x: Tensor, timeline: Any) -> bool:
        """Tell whether ``lean_steps`` can do it."""
        if type(timeline) is not ClipTimeline or torch.compiler.is_compiling():  # such graphs take PyTorch's layers
            return False
        norms = [norm for norm in (self.graph_norm, self.temporal_norm, self.residual_norm) if norm is not None]
        # A process without frames must not leave the others waiting.
        runs = x.numel() > 0 or norm_settings(self.graph_norm).group is not None
        return runs and all(can_be_lean(norm) for norm in norms)

    def _steps(self, x: Tensor) -> Any:
        """Return the module that computes steps on ``x``."""
        alone = norm_settings(self.graph_norm).group is None
        return cached_steps if x.device.type == 'cpu' and x.dtype in WIDE and alone else lean_steps

    def _lean_forward(self, x: Tensor, timeline: ClipTimeline) -> Tensor:
        """Do what ``forward`` does with less memory."""
        points, *others, channels = x.shape
        weight = self.graph_conv.weight.view(self.num_hops, -1, channels)
        bias = cast(Tensor, self.graph_conv.bias).view(self.num_hops, -1)
        steps = self._steps(x) if self.fused is None or not x.numel() else self.fused
        y = steps.MixPoints.apply(x.reshape(points, -1, channels), self.adjacency, weight, bias)
        y = y.view(points, *others, weight.shape[1])
        norm, conv = self.graph_norm, self.temporal_conv
        if conv is not None and self.temporal_norm is not None:
            y = steps.norm_relu_conv(y, norm, norm.weight, norm.bias, conv, conv.weight, conv.bias, timeline)
            norm = self.temporal_norm
        return steps.norm_add_relu(y, norm, norm.weight, norm.bias, self._lean_residual(x, steps), conv is None)

    def _lean_residual(self, x: Tensor, steps: Any) -> Tensor:
        """Do what ``_residual`` does with less memory."""
        conv, norm = self.residual_conv, self.residual_norm
        if conv is None or norm is None:
            return x
        x = F.linear(x, conv.weight.flatten(1).to(x.dtype), cast(Tensor, conv.bias).to(x.dtype))
        return steps.batch_norm(x, norm, norm.weight, norm.bias)

    def _folded_forward(self, x: Tensor, timeline: ClipTimeline) -> Tensor:
        """Do what ``forward`` does in evaluation, the batch norms folded into the layers before them."""
        points, *others, channels = x.shape
        # The bias reaches a point along its edges, and the batch norm comes behind their sum.
        bias = self.adjacency.sum(dim=1).t() @ cast(Tensor, self.graph_conv.bias).view(self.num_hops, -1)
        weight = self.graph_conv.weight.view(self.num_hops, -1, channels).transpose(0, 1)
        weight, offset = fold(self.graph_norm, weight, bias)
        y = mix_points(x.reshape(points, -1, channels), self.adjacency, weight.transpose(0, 1), offset).relu_()
        y = y.view(points, *others, -1)
        if self.temporal_conv is not None and self.temporal_norm is not None:
            kernel, shift = fold(self.temporal_norm, self.temporal_conv.weight, cast(Tensor, self.temporal_conv.bias))
            padding = self.temporal_conv.padding
            y = self._steps(x).convolve_packed(y, kernel, shift, padding, timeline)
        if self.residual_conv is not None and self.residual_norm is not None:
            conv = self.residual_conv
            folded = fold(self.residual_norm, conv.weight.flatten(1), cast(Tensor, conv.bias))
            x = F.linear(x, *(weight.to(x.dtype) for weight in folded))
        return y.add_(x).relu_()

    def _mix_points(self, x: Tensor) -> Tensor:
        """Sum over hop k and source point v of (W_k x_v + b_k) A[k, v, w], for every target point w."""
        points, *others, channels = x.shape
        weights = self.graph_conv.weight.view(self.num_hops, -1, channels)
        biases = cast(Tensor, self.graph_conv.bias).view(self.num_hops, -1)
        x = x.reshape(-1, channels)
        hops = [
            # One product a hop: faster than a batched one. [V * M, C] -> [V, M * C], M frames of all sequences.
            (adjacency.t(), F.linear(x, weight, bias).view(points, x.shape[0] // points * bias.shape[0]))
            for weight, bias, adjacency in zip(weights, biases, self.adjacency, strict=True)
        ]
        summed = torch.mm(*hops[0])
        for adjacency, mixed in hops[1:]:
            summed = torch.addmm(summed, adjacency, mixed)
        return summed.view(points, *others, biases.shape[1])

    def _residual(self, x: Tensor) -> Tensor:
        conv, norm = self.residual_conv, self.residual_norm
        if conv is None or norm is None:
            return x
        return apply_batch_norm(norm, F.linear(x, conv.weight.flatten(1), conv.bias))


def _mix_frames(conv: nn.Conv2d, timeline: Tensor) -> Tensor:
    """Temporal convolution of [V, S, L, C] along L."""
    points, sequences, length, channels = timeline.shape
    image = timeline.view(points * sequences, 1, length, channels).permute(0, 3, 1, 2)  # channels last
    return conv(image).permute(0, 2, 3, 1).reshape(timeline.shape)

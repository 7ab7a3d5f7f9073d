"""The pose encoder as spec.md section 3 writes it down, under the published names of its weights.

Kept to be compared with, for the result, the gradients, the time and the memory; the library does not use it. Clips are
padded, the hands go through their shared weights one after the other, and the operations are PyTorch's own.

Shape letters: B clips, C channels, T frames, V points, K hops.
"""

from collections.abc import Callable
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unisign.models.backbones.skeleton_graph import hop_adjacency
from unisign.structures import PARTS

SPATIAL_CHANNELS = (64, 64, 128, 256)
TEMPORAL_CHANNELS = (256, 256, 256, 256)
TEMPORAL_KERNEL = 5
HANDS = ('left', 'right')
NEXT_TO_BODY = {'left': -2, 'right': -1, 'face_all': 0}  # part -> the body's point it hangs on


class GraphConvolution(nn.Module):
    """A 1x1 convolution to K * C channels, the sum over hops and points, batch norm, ReLU."""

    def __init__(self, in_channels: int, out_channels: int, adjacency: Tensor) -> None:
        super().__init__()
        self.A = nn.Parameter(adjacency.clone())
        self.conv = nn.Conv2d(in_channels, len(adjacency) * out_channels, 1)
        self.bn = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Return [B, C', T, V] for [B, C, T, V]."""
        hops = self.conv(x).unflatten(1, (len(self.A), -1))
        mixed = torch.einsum('bkctv,kvw->bctw', hops, self.A)
        return F.relu(self.bn(mixed.contiguous()), inplace=True)


class Block(nn.Module):
    """y = ReLU(T(G(x)) + R(x))."""

    def __init__(self, in_channels: int, out_channels: int, adjacency: Tensor, kernel: int) -> None:
        super().__init__()
        self.gcn = GraphConvolution(in_channels, out_channels, adjacency)
        self.tcn: nn.Module = nn.Identity()
        if kernel > 1:
            convolution = nn.Conv2d(out_channels, out_channels, (kernel, 1), padding=(kernel // 2, 0))
            self.tcn = nn.Sequential(convolution, nn.BatchNorm2d(out_channels))
        self.residual: nn.Module = nn.Identity()
        if in_channels != out_channels:
            self.residual = nn.Sequential(nn.Conv2d(in_channels, out_channels, 1), nn.BatchNorm2d(out_channels))

    def forward(self, x: Tensor) -> Tensor:
        """Return [B, C', T, V] for [B, C, T, V]."""
        return F.relu(self.tcn(self.gcn(x)) + self.residual(x), inplace=True)


def network(channels: tuple[int, ...], name: str, adjacency: Tensor, kernel: int) -> nn.Sequential:
    """Return blocks named by ``name.format(i)``."""
    blocks = nn.Sequential()
    for i, (before, after) in enumerate(pairwise(channels)):
        blocks.add_module(name.format(i), Block(before, after, adjacency, kernel))
    return blocks


class PoseEncoder(nn.Module):
    """From parts [B, T, V, 3] to [B, T, width]."""

    def __init__(self, width: int = 768) -> None:
        super().__init__()
        self.proj_linear, self.gcn_modules = nn.ModuleDict(), nn.ModuleDict()
        self.fusion_gcn_modules = nn.ModuleDict()
        for name, part in PARTS.items():
            adjacency = hop_adjacency(len(part), part.edges)
            self.proj_linear[name] = nn.Linear(3, SPATIAL_CHANNELS[0])
            self.gcn_modules[name] = network(SPATIAL_CHANNELS, 'layer{}_0', adjacency, 1)
            self.fusion_gcn_modules[name] = network(TEMPORAL_CHANNELS, 'layer0_{}', adjacency, TEMPORAL_KERNEL)
        for modules in (self.proj_linear, self.gcn_modules, self.fusion_gcn_modules):
            modules['left'] = modules['right']
        joined = len(PARTS) * TEMPORAL_CHANNELS[-1]
        self.part_para = nn.Parameter(torch.zeros(joined))
        self.pose_proj = nn.Linear(joined, width)

    def forward(self, parts: dict[str, Tensor], fuse: Callable[[str, Tensor], Tensor] | None = None) -> Tensor:
        """Return [B, T, width]; padding is part of the clips.

        ``fuse`` takes the name of a hand and its spatial features [B, C, T, V], and returns them with pictures in them.
        """
        body, pooled = None, []
        for name in PARTS:
            x = self.proj_linear[name](parts[name]).permute(0, 3, 1, 2)  # B C T V
            x = self.gcn_modules[name](x)
            if fuse is not None and name in HANDS:
                x = fuse(name, x)
            if body is None:
                body = x
            else:
                x = x + body[..., NEXT_TO_BODY[name]][..., None].detach()
            pooled.append(self.fusion_gcn_modules[name](x).mean(dim=-1).transpose(1, 2))
        return self.pose_proj(torch.cat(pooled, dim=-1) + self.part_para)

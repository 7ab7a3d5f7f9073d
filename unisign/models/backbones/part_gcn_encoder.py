"""``PartGCNEncoder``: Uni-Sign's pose encoder, four parts through spatial and temporal graph networks."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from unisign.models.backbones.clip_timeline import ClipTimeline
from unisign.models.backbones.fused_steps import FusedSteps
from unisign.models.backbones.graph_block import GraphBlock
from unisign.models.backbones.repeated_block import run_repeatedly
from unisign.models.backbones.skeleton_graph import hop_adjacency
from unisign.registry import MODELS
from unisign.structures import PARTS

# The networks by name, and the parts each of them reads: the hands share all their weights.
NETWORK_PARTS: dict[str, tuple[str, ...]] = {'body': ('body',), 'hand': ('left', 'right'), 'face_all': ('face_all',)}
INIT_STD = 0.02
FRAMES_AT_ONCE = 1024  # in evaluation on the CPU


@dataclass
class SpatialFeatures:
    """What the spatial networks give, before the body's feature is added to the other parts.

    Attributes:
        networks: network name -> [V, S, N, C]; S are the parts of ``NETWORK_PARTS[name]`` in order, so
            ``networks['hand'][:, 0]`` are the left hands. N are the valid frames of all clips, one after the other.
        timeline: which clip and frame each of the N is; frame t of clip b is number
            ``timeline.mask.flatten().cumsum(0).view_as(timeline.mask)[b, t] - 1``.
    """

    networks: dict[str, Tensor]
    timeline: ClipTimeline


@MODELS.register_module()
class PartGCNEncoder(nn.Module):
    """Pose encoder of spec.md section 3 ("Uni-Sign", ICLR 2025, section 3.2).

    A padded frame is never computed: it neither costs time nor enters a temporal convolution or the batch statistics,
    so a clip's features do not depend on its neighbours in the batch (in evaluation mode). In training the two hands
    go through their shared batch norms together, with common statistics.

    Args:
        in_channels: values a point: x, y, score.
        embed_channels: width of the linear layer each point goes through first.
        spatial_channels: output channels of the spatial blocks.
        temporal_channels: output channels of the temporal blocks; the first must take the spatial network's output.
        temporal_kernel: frames a temporal convolution spans, odd.
        out_channels: width of the language model.
        dropout: share of the output values set to 0 in training (the paper: none).
        projection_std: standard deviation of the projection's initial weights. A narrow encoder needs a larger one
            than the paper's: its output must not drown among the prompt's embeddings, or the language model learns to
            do without it.
        with_cp: activation checkpointing: store only what goes from block to block and compute the rest again in the
            backward pass.

    Attributes:
        spatial_out_channels: width of ``spatial``'s output, in which pictures of the hands are fused.

    Raises:
        ValueError: for an even temporal kernel or a share outside [0, 1).
    """

    def __init__(
        self,
        in_channels: int = 3,
        embed_channels: int = 64,
        spatial_channels: tuple[int, ...] = (64, 128, 256),
        temporal_channels: tuple[int, ...] = (256, 256, 256),
        temporal_kernel: int = 5,
        out_channels: int = 768,
        dropout: float = 0.0,
        projection_std: float = INIT_STD,
        with_cp: bool = False,
    ) -> None:
        super().__init__()
        if temporal_kernel % 2 == 0:
            raise ValueError(f'temporal_kernel={temporal_kernel} must be odd, so that a frame keeps its place.')
        self.temporal_kernel, self.with_cp = temporal_kernel, with_cp
        self.make_timeline: Callable[..., ClipTimeline] = ClipTimeline  # an export lays the frames out in another way
        self.out_channels, self.spatial_out_channels = out_channels, spatial_channels[-1]
        self.embeddings, self.spatial_networks = nn.ModuleDict(), nn.ModuleDict()
        self.temporal_networks = nn.ModuleDict()
        for name, parts in NETWORK_PARTS.items():
            part = PARTS[parts[0]]
            adjacency = hop_adjacency(len(part), part.edges)
            self.embeddings[name] = nn.Linear(in_channels, embed_channels)
            self.spatial_networks[name] = _network((embed_channels, *spatial_channels), adjacency, None)
            self.temporal_networks[name] = _network(
                (spatial_channels[-1], *temporal_channels), adjacency, temporal_kernel
            )
        width = len(PARTS) * temporal_channels[-1]
        self.part_offset = nn.Parameter(torch.zeros(width))
        self.projection = nn.Linear(width, out_channels)
        self.dropout = nn.Dropout(dropout)
        for embedding in self.embeddings.children():
            _start_linear(embedding, INIT_STD)
        _start_linear(self.projection, projection_std)

    def forward(self, parts: dict[str, Tensor], mask: Tensor) -> Tensor:
        """Return one feature a frame.

        Args:
            parts: part name -> float [B, T, V, 3]; x and y in [-1, 1] as ``NormalizeParts`` gives them, missing points
                (0, 0, 0).
            mask: bool [B, T]; true at the frames of a clip.

        Returns:
            [B, T, out_channels], zeros where the mask is false.
        """
        exported = self.make_timeline is not ClipTimeline
        if exported or self.training or torch.is_grad_enabled() or mask.device.type != 'cpu':
            return self.temporal(self.spatial(parts, mask))
        # Some clips at a time: enough for products at the full rate, and little memory for what the layers hand on.
        clips = max(1, FRAMES_AT_ONCE // max(mask.shape[1], 1))
        groups = [slice(i, i + clips) for i in range(0, max(len(mask), 1), clips)]
        features = (self.spatial({name: x[some] for name, x in parts.items()}, mask[some]) for some in groups)
        return torch.cat([self.temporal(some) for some in features])

    @property
    def spatial_depth(self) -> int:
        """How many of its layers ``spatial`` runs."""
        return 1 + len(list(self.spatial_networks['body'].children()))

    def layer_prefixes(self) -> list[tuple[str, ...]]:
        """Return what its layers are called, from the keypoints to the language model; the networks side by side."""
        layers: list[tuple[str, ...]] = [('embeddings',)]
        for networks in ('spatial_networks', 'temporal_networks'):
            depth = len(list(getattr(self, networks)['body'].children()))
            layers += [tuple(f'{networks}.{name}.{i}' for name in NETWORK_PARTS) for i in range(depth)]
        return [*layers, ('part_offset', 'projection')]

    def spatial(self, parts: dict[str, Tensor], mask: Tensor) -> SpatialFeatures:
        """Run the spatial networks: each frame for itself. Arguments as for ``forward``."""
        timeline = self.make_timeline(mask, gap=self.temporal_kernel // 2)
        frames = {
            name: torch.stack([timeline.pack(parts[part]) for part in names]) for name, names in NETWORK_PARTS.items()
        }
        return SpatialFeatures(self.spatial_of(frames, timeline), timeline)

    def spatial_of(self, frames: dict[str, Tensor], timeline: Any) -> dict[str, Tensor]:
        """Return the features [V, S, N, C] of each network for its packed frames [S, N, V, 3]."""
        features = {}
        for name in NETWORK_PARTS:
            x = self.embeddings[name](frames[name].permute(2, 0, 1, 3).contiguous())
            features[name] = self._through(self.spatial_networks[name], x, timeline)
        return features

    def temporal(self, features: SpatialFeatures) -> Tensor:
        """Add the body's feature to the other parts, run the temporal networks, join the parts; see ``forward``."""
        networks, timeline = features.networks, features.timeline
        return timeline.unpack(self.temporal_of(networks, timeline))

    def temporal_of(self, networks: dict[str, Tensor], timeline: Any) -> Tensor:
        """Return the joined features of the packed frames, [N, out_channels]."""
        body = networks['body'].detach()
        pooled: list[Tensor] = []
        for name, part_names in NETWORK_PARTS.items():
            x = networks[name]
            if name != 'body':
                joints = [cast(int, PARTS[part].body_joint) for part in part_names]
                # [1, S, N, C], the same for every point of the part. A list as an index would be sent to the GPU.
                x = x + torch.stack([body[joint, 0] for joint in joints])
            pooled.extend(self._through(self.temporal_networks[name], x, timeline).mean(dim=0))
        joined = torch.cat(pooled, dim=-1) + self.part_offset  # body, left, right, face_all
        return self.dropout(self.projection(joined))

    def compile_networks(self, **options: Any) -> None:
        """Let ``torch.compile`` make what lies between the products of training from now on, for clips of all lengths.

        Weights, checkpoints and results stay what they are, and so does evaluation.

        Args:
            options: of ``torch.compile``, such as ``backend`` or ``mode``.
        """
        fused = FusedSteps(options)
        for block in self.modules():
            if isinstance(block, GraphBlock):
                block.fused = fused

    def _through(self, network: nn.Module, x: Tensor, timeline: Any) -> Tensor:
        repeated = self.with_cp and self.training
        for block in network.children():
            x = run_repeatedly(block, x, timeline) if repeated else block(x, timeline)
        return x


def _start_linear(module: nn.Module, std: float) -> None:
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=std)
        nn.init.zeros_(module.bias)


def _network(channels: tuple[int, ...], adjacency: Tensor, temporal_kernel: int | None) -> nn.ModuleList:
    return nn.ModuleList(
        GraphBlock(channels[i], channels[i + 1], adjacency, temporal_kernel) for i in range(len(channels) - 1)
    )

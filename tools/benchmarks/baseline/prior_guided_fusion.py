"""The prior-guided fusion as a loop over the clips: the formulas of spec.md section 5 as they stand, a clip at a time.

Kept to be compared with, for the result, the gradients and the time; the library does not use it. It works with the
weights of ``unisign.models.PriorGuidedFusion``.

Shape letters: S sides, B clips, T frames, n hands of a clip with a picture, C channels, V points, G heads.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from unisign.models import PriorGuidedFusion


def fuse_clip_by_clip(fusion: PriorGuidedFusion, features: Tensor, hand: dict[str, Tensor], crops: Tensor) -> Tensor:
    """Return one side's features [B, C, T, V] with its sampled hands fused; ``hand``, ``crops``: of it, clip by clip.

    The published loop writes each clip into a new copy of all of them; here each is copied by itself.
    """
    counts = torch.bincount(hand['clip'], minlength=len(features)).tolist()
    parts = zip(features, *(one.split(counts) for one in (hand['frame'], hand['keypoints'], crops)), strict=True)
    return torch.stack([fuse_clip(fusion, *part) for part in parts])


def fuse_clip(fusion: PriorGuidedFusion, features: Tensor, frames: Tensor, keypoints: Tensor, crops: Tensor) -> Tensor:
    """Return one side of one clip, [C, T, V], with its sampled hands fused."""
    selected = features[:, frames].transpose(0, 1)  # n C V
    looked = cross_attention(fusion, selected, keypoints, crops)
    read = deformable_attention(fusion, selected + looked, keypoints, crops)
    both = torch.cat([read, selected], dim=1)
    gate = F.relu(torch.tanh(fusion.gate.layers[2](F.gelu(fusion.gate.layers[0](both)))))
    fused = gate * read + (1 - gate) * selected
    features = features.clone()
    features[:, frames] = fused.transpose(0, 1).to(features.dtype)
    return features


def dense(packed: Tensor, clips: int) -> Tensor:
    """Return features [S, B, C, T, V] for the library's [V, S, B * T, C] of clips of one length."""
    return packed.unflatten(2, (clips, -1)).permute(1, 2, 4, 3, 0)


def packed(features: Tensor) -> Tensor:
    """Return features [V, S, B * T, C] for [S, B, C, T, V]."""
    return features.permute(4, 0, 1, 3, 2).flatten(2, 3)


def cross_attention(fusion: PriorGuidedFusion, features: Tensor, keypoints: Tensor, crops: Tensor) -> Tensor:
    """Return [n, C, V]: step 1."""
    phases = 2 * math.pi * (2 * keypoints - 1) @ fusion.crop_attention.keypoint_encoding.frequencies
    queries = features.transpose(1, 2) + torch.cat([phases.sin(), phases.cos()], dim=-1)
    cells = crops.flatten(2).transpose(1, 2)
    count, channels = cells.shape[1:]
    places, pairs = (torch.arange(end, device=cells.device) for end in (count, channels // 2))
    angles = places[:, None] / 10000 ** (2 * pairs / channels)
    cells = cells + torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1).to(cells)
    return fusion.crop_attention.attention(queries, cells, cells, need_weights=False)[0].transpose(1, 2)


def deformable_attention(fusion: PriorGuidedFusion, features: Tensor, keypoints: Tensor, crops: Tensor) -> Tensor:
    """Return [n, C, V]: step 2."""
    attention = fusion.deformable_attention
    count, channels, points = features.shape
    groups, width = attention.num_heads, channels // attention.num_heads
    query = attention.query(features)
    offsets = 4 / 6 * torch.tanh(attention.offsets(query.reshape(count * groups, width, points)))
    centres = 2 * keypoints - 1
    places = centres[:, None] + offsets.view(count, groups, 2, points).transpose(2, 3)  # n G V 2
    maps, grid = crops.reshape(count * groups, width, *crops.shape[2:]), places.view(count * groups, 1, points, 2)
    samples = F.grid_sample(maps, grid, mode='bilinear', padding_mode='zeros', align_corners=False)
    samples = samples.view(count, channels, points, 1)
    key, value = (layer(samples).view(count, groups, width, points) for layer in (attention.key, attention.value))
    scores = torch.einsum('ngcm,ngck->ngmk', query.view(count, groups, width, points), key) / math.sqrt(width)
    distances = centres[:, None, :, None] - places[:, :, None]
    hidden = torch.sign(distances) * torch.log(distances.abs() + 1)
    for layer in attention.position_bias.layers[:3:2]:
        hidden = F.relu(F.linear(hidden, layer.weight, layer.bias))
    last = attention.position_bias.layers[4]
    weights = torch.softmax(scores + F.linear(hidden, last.weight, last.bias).squeeze(-1), dim=-1)
    return attention.output(torch.einsum('ngmk,ngck->ngcm', weights, value).reshape(features.shape))

"""Step 2 of the prior-guided fusion: each keypoint reads the crop beside itself, at places that are learned.

Shape letters: N hands, G heads (each with its own offsets), c channels a head, V points.
"""

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unisign.models.necks.position_bias import PositionBias


class DeformableAttention(nn.Module):
    """Attention of the keypoints to the crop at V learned places a head (spec.md section 5, step 2).

    Source of the form: Xia et al., "Vision Transformer with Deformable Attention", CVPR 2022.

    Args:
        channels: C, width of keypoints and crop.
        num_heads: G.
        reach: how far at most a sampling point lies from its keypoint, along each axis, where the crop is 2 wide.
    """

    def __init__(self, channels: int, num_heads: int = 8, reach: float = 4 / 6) -> None:
        super().__init__()
        self.num_heads, self.reach = num_heads, reach
        width = channels // num_heads
        self.query = nn.Conv1d(channels, channels, 1, groups=num_heads, bias=False)
        self.offsets = nn.Sequential(
            nn.Conv1d(width, width, 1, groups=width), nn.GELU(), nn.Conv1d(width, 2, 1, bias=False)
        )
        self.key = nn.Conv2d(channels, channels, 1, groups=num_heads, bias=False)
        self.value = nn.Conv2d(channels, channels, 1, groups=num_heads, bias=False)
        self.position_bias = PositionBias()
        self.output = nn.Conv1d(channels, channels, 1)

    def forward(self, features: Tensor, keypoints: Tensor, crops: Tensor) -> tuple[Tensor, Tensor]:
        """Attend.

        Args:
            features: of the keypoints, [N, C, V].
            keypoints: [N, V, 2], relative to the crop, in [0, 1].
            crops: [N, C, h, w].

        Returns:
            The attended features [N, C, V], and the sampling points [N, G, V, 2], x and y in [-1, 1] inside the crop.
        """
        heads = features.transpose(1, 2).unflatten(2, (self.num_heads, -1)).permute(2, 0, 1, 3)
        query = _by_head(self.query.weight, heads)
        centres = 2 * keypoints.float() - 1
        places = centres + self._offsets(query)
        key, value = self._keys_and_values(self._sample(crops, places))
        scores = query @ key.transpose(2, 3)  # G N V V: from keypoint to sampling point
        bias = self.position_bias(_distances(centres, places))
        weights = (scores + bias).softmax(dim=-1).to(value.dtype)
        attended = (weights @ value).permute(1, 2, 0, 3).flatten(2)  # N V C
        attended = F.linear(attended, self.output.weight.squeeze(-1), self.output.bias)
        return attended.transpose(1, 2), places.transpose(0, 1)

    def _offsets(self, query: Tensor) -> Tensor:
        """Return [G, N, V, 2] for queries [G, N, V, c]."""
        first, last = cast(nn.Conv1d, self.offsets[0]), cast(nn.Conv1d, self.offsets[2])
        hidden = F.gelu(torch.addcmul(cast(Tensor, first.bias), query, first.weight.flatten()))
        return F.linear(hidden, last.weight.squeeze(-1)).float().tanh() * self.reach

    def _keys_and_values(self, samples: Tensor) -> tuple[Tensor, ...]:
        """Return two times [G, N, V, c] for samples [G, N, V, c], by one product; the keys over the root of c."""
        key, value = (layer.weight.unflatten(0, (self.num_heads, -1)) for layer in (self.key, self.value))
        weights = torch.cat([key * samples.shape[3] ** -0.5, value], dim=1)
        return _by_head(weights.flatten(0, 1), samples).chunk(2, dim=3)

    def _sample(self, crops: Tensor, places: Tensor) -> Tensor:
        """Return [G, N, V, c]: each head's channels of the crop at its places, bilinear, zeros outside."""
        heads = crops.unflatten(1, (self.num_heads, -1)).transpose(0, 1).flatten(0, 1)  # G * N, c, h, w
        grid = places.flatten(0, 1).unsqueeze(2)  # G * N, V, 1, 2
        samples = F.grid_sample(heads.to(grid.dtype), grid, mode='bilinear', padding_mode='zeros', align_corners=False)
        return samples.to(crops.dtype).squeeze(3).transpose(1, 2).unflatten(0, places.shape[:2])


def _distances(centres: Tensor, places: Tensor) -> Tensor:
    """Return [G, N, V, V, 2], from each of ``places`` [G, N, V, 2] to each of ``centres`` [N, V, 2].

    As complex numbers, which a CPU adds in half the time of pairs. Not by a difference, whose backward pass would
    negate the gradient of all pairs.
    """
    ends, starts = (torch.view_as_complex(points.contiguous()) for points in (centres, -places))
    return torch.view_as_real(ends[:, :, None] + starts[:, :, None])


def _by_head(weight: Tensor, features: Tensor) -> Tensor:
    """Return what a 1x1 convolution with a group for each head makes of [G, N, V, c].

    As matrix products: grouped convolutions take several times as long on the CPU.
    """
    weight = weight.flatten(1).unflatten(0, (len(features), -1))  # G . c
    return (features.flatten(1, 2) @ weight.transpose(1, 2)).unflatten(1, features.shape[1:3])


def relative_to_crop(places: Tensor) -> Tensor:
    """Return sampling points [N, G, V, 2] in [-1, 1] as [N, V * G, 2] in [0, 1], those of a keypoint together."""
    return torch.flatten((places.transpose(1, 2) + 1) / 2, 1, 2)

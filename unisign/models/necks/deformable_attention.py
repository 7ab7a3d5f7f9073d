"""Step 2 of the prior-guided fusion: each keypoint reads the crop beside itself, at places that are learned.

Shape letters: N hands, G heads (each with its own offsets), c channels a head, V points.
"""

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
        query = _by_head(self.query, self._split(features))
        centres = 2 * keypoints.float() - 1
        places = centres[:, None] + self._offsets(query)
        samples = self._sample(crops, places)
        key, value = _by_head(self.key, samples), _by_head(self.value, samples)
        scores = query.transpose(2, 3) @ key / key.shape[2] ** 0.5  # N G V V: from keypoint to sampling point
        distances = centres[:, None, :, None] - places[:, :, None]
        weights = (scores + self.position_bias(distances)).softmax(dim=-1).to(value.dtype)
        attended = (value @ weights.transpose(2, 3)).flatten(1, 2).transpose(1, 2)  # N V C
        return F.linear(attended, self.output.weight.squeeze(-1), self.output.bias).transpose(1, 2), places

    def _offsets(self, query: Tensor) -> Tensor:
        """Return [N, G, V, 2] for queries [N, G, c, V]."""
        offsets = self.offsets(query.flatten(0, 1)).float().tanh() * self.reach  # N * G, 2, V
        return offsets.transpose(1, 2).reshape(*query.shape[:2], query.shape[3], 2)

    def _sample(self, crops: Tensor, places: Tensor) -> Tensor:
        """Return [N, G, c, V]: each head's channels of the crop at its places, bilinear, zeros outside."""
        heads = self._split(crops).flatten(0, 1)  # N * G, c, h, w
        grid = places.flatten(0, 1).unsqueeze(2)  # N * G, V, 1, 2
        samples = F.grid_sample(heads.to(grid.dtype), grid, mode='bilinear', padding_mode='zeros', align_corners=False)
        return samples.to(crops.dtype).squeeze(3).unflatten(0, places.shape[:2])

    def _split(self, features: Tensor) -> Tensor:
        """Return [N, G, c, ..] for [N, C, ..]."""
        return features.unflatten(1, (self.num_heads, features.shape[1] // self.num_heads))


def _by_head(layer: nn.Conv1d | nn.Conv2d, features: Tensor) -> Tensor:
    """Return what a 1x1 convolution with a group for each head makes of [N, G, c, V].

    As matrix products: grouped convolutions take several times as long on the CPU.
    """
    weight = layer.weight.flatten(1).unflatten(0, features.shape[1:3])  # G c c
    return torch.einsum('gdc,ngcv->ngdv', weight, features)


def relative_to_crop(places: Tensor) -> Tensor:
    """Return sampling points [N, G, V, 2] in [-1, 1] as [N, V * G, 2] in [0, 1], those of a keypoint together."""
    return torch.flatten((places.transpose(1, 2) + 1) / 2, 1, 2)

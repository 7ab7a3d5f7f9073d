"""Step 1 of the prior-guided fusion: keypoints look at the whole crop."""

import torch.nn.functional as F
from torch import Tensor, nn

from unisign.models.necks.position_encoding import KeypointEncoding, sinusoidal_encoding
from unisign.structures import DataError


class CropAttention(nn.Module):
    """Multi-head attention from keypoints to the cells of the crop (spec.md section 5, step 1). No residual, no norm.

    Args:
        channels: width of keypoints and cells.
        num_heads: attention heads.

    Raises:
        DataError: if the channels cannot be divided among the heads, or are odd (the encodings of places are pairs).
    """

    def __init__(self, channels: int, num_heads: int) -> None:
        super().__init__()
        if num_heads < 1 or channels < 1 or channels % num_heads or channels % 2:
            raise DataError(
                'model.fusion',
                f'channels={channels} cannot be divided among num_heads={num_heads}, or is odd.',
                'Choose heads that divide an even number of channels.',
            )
        self.keypoint_encoding = KeypointEncoding(channels)
        self.attention = nn.MultiheadAttention(channels, num_heads, batch_first=True)

    def forward(self, features: Tensor, keypoints: Tensor, crops: Tensor) -> Tensor:
        """Return [N, C, V].

        Args:
            features: of the keypoints, [N, C, V].
            keypoints: [N, V, 2], relative to the crop, in [0, 1].
            crops: [N, C, h, w].
        """
        queries = self.keypoint_encoding(keypoints).to(features.dtype) + features.transpose(1, 2)
        cells = crops.flatten(2).transpose(1, 2)  # [N, h * w, C], row by row
        places = sinusoidal_encoding(cells.shape[1], cells.shape[2], cells.device).to(cells.dtype)
        cells = places.expand_as(cells).contiguous().add_(cells)  # in the layout that the product reads
        return attend(self.attention, queries, cells).transpose(1, 2)


def attend(attention: nn.MultiheadAttention, queries: Tensor, cells: Tensor) -> Tensor:
    """Return ``attention(queries, cells, cells)[0]``, [N, V, C], with half of its copies."""
    channels = attention.embed_dim
    weights, biases = (t.split((channels, 2 * channels)) for t in (attention.in_proj_weight, attention.in_proj_bias))
    query = F.linear(queries, weights[0], biases[0]).unflatten(2, (attention.num_heads, -1)).transpose(1, 2)
    both = F.linear(cells, weights[1], biases[1]).unflatten(2, (2, attention.num_heads, -1))
    key, value = both.permute(2, 0, 3, 1, 4)  # N G h*w c
    attended = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
    return F.linear(attended, attention.out_proj.weight, attention.out_proj.bias)

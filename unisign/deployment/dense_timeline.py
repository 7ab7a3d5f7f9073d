"""``DenseTimeline``: a batch on one timeline by shapes alone, for exported graphs."""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor


class DenseTimeline:
    """Does what ``ClipTimeline`` does, without looking at the mask's values: padded frames are computed too.

    The packed frames are all B * T of them. Before each temporal convolution padded frames become zeros, which is what
    a clip sees beyond its ends.

    Args:
        mask: bool [B, T]; true at the frames of a clip.
        gap: zero frames between two clips.
    """

    def __init__(self, mask: Tensor, gap: int) -> None:
        self.mask, self.gap = mask, gap

    def pack(self, frames: Tensor) -> Tensor:
        """Return all frames [B * T, ...] of a padded batch [B, T, ...]."""
        return frames.flatten(0, 1)

    def unpack(self, frames: Tensor) -> Tensor:
        """Return frames [B * T, C] as a padded batch [B, T, C] with zeros at the padded frames."""
        return frames.unflatten(0, self.mask.shape) * self.mask[..., None]

    def convolve(self, frames: Tensor, convolution: Callable[[Tensor], Tensor]) -> Tensor:
        """Apply a temporal convolution to frames [..., B * T, C]; see ``ClipTimeline.convolve``."""
        clips, length = self.mask.shape
        batch = frames.unflatten(-2, (clips, length)) * self.mask[..., None]
        timeline = convolution(F.pad(batch, (0, 0, 0, self.gap)).flatten(-3, -2))
        return timeline.unflatten(-2, (clips, length + self.gap))[..., :length, :].flatten(-3, -2)

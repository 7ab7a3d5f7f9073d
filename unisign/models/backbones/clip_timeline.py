"""All clips of a batch on one timeline, so that padding costs nothing and no clip sees its neighbours."""

from collections.abc import Callable
from functools import cached_property

import torch
from torch import Tensor


class ClipTimeline:
    """Where each valid frame of a padded batch lies on a timeline with empty frames between the clips.

    The N valid frames of all clips, in order, are the *packed* frames. A temporal convolution with kernel k runs over
    the timeline, on which k // 2 zero frames separate neighbours: what each clip sees beyond its ends are zeros, as if
    it were alone.

    Args:
        mask: bool [B, T]; true at the frames of a clip.
        gap: zero frames between two clips.

    Attributes:
        mask: the argument.
        num_frames: N.
        place: long [N]; b * T + t of each packed frame.
        length: frames on the timeline, at least 1.
        position: long [N]; the place of each packed frame on the timeline.
    """

    def __init__(self, mask: Tensor, gap: int) -> None:
        self.mask = mask
        # A GPU is waited for here, once, since how many frames there are depends on the values of the mask.
        self.place = mask.flatten().nonzero()[:, 0]
        self.num_frames = len(self.place)
        clip = self.place.div(max(mask.shape[1], 1), rounding_mode='floor')
        self.position = torch.arange(self.num_frames, device=mask.device) + gap * clip
        self.length = max(self.num_frames + gap * (len(mask) - 1), 1)

    @cached_property
    def frame(self) -> Tensor:
        """The number of the packed frame at each place of the timeline, long [length]; -1 between the clips."""
        frame = self.position.new_full((self.length,), -1)
        return frame.index_copy_(0, self.position, torch.arange(self.num_frames, device=frame.device))

    def pack(self, frames: Tensor) -> Tensor:
        """Return the valid frames [N, ...] of a padded batch [B, T, ...]."""
        return frames.flatten(0, 1).index_select(0, self.place)

    def unpack(self, frames: Tensor) -> Tensor:
        """Return packed frames [N, ...] as a padded batch [B, T, ...] with zeros at the padded frames."""
        batch = frames.new_zeros(self.mask.numel(), *frames.shape[1:])
        return batch.index_copy(0, self.place, frames).unflatten(0, self.mask.shape)

    def convolve(self, frames: Tensor, convolution: Callable[[Tensor], Tensor]) -> Tensor:
        """Apply a temporal convolution to packed frames.

        Args:
            frames: [..., N, C].
            convolution: takes and returns [..., length, C], seeing at most ``gap`` frames to each side.

        Returns:
            [..., N, C].
        """
        return take_out(convolution(lay_out(frames, self.position, self.length)), self.position)


class _lay_out(torch.autograd.Function):  # noqa: N801 (used as a function)
    """Packed frames [..., N, C] onto a timeline of zeros [..., L, C]; the backward pass takes them out again."""

    @staticmethod
    def forward(ctx, frames: Tensor, position: Tensor, length: int) -> Tensor:
        ctx.save_for_backward(position)
        timeline = frames.new_zeros(*frames.shape[:-2], length, frames.shape[-1])
        return timeline.index_copy_(-2, position, frames)

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None, None]:
        (position,) = ctx.saved_tensors
        return _take_out.apply(grad, position), None, None


class _take_out(torch.autograd.Function):  # noqa: N801 (used as a function)
    """The frames [..., N, C] at some positions of a timeline [..., L, C]; the backward pass lays them out again."""

    @staticmethod
    def forward(ctx, timeline: Tensor, position: Tensor) -> Tensor:
        ctx.save_for_backward(position)
        ctx.length = timeline.shape[-2]
        return timeline.index_select(-2, position)

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None]:
        (position,) = ctx.saved_tensors
        return _lay_out.apply(grad, position, ctx.length), None


lay_out, take_out = _lay_out.apply, _take_out.apply

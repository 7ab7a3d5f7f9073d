"""The networks of a ``PartGCNEncoder`` through ``torch.compile``, compiled once for clips of all lengths.

What is compiled starts behind the timeline, whose number of frames PyTorch cannot know before it has looked at the
mask, and takes the frames packed: their number is one free size, and the timeline's length another. The functions take
the encoder as an argument, so that a copy of it (an average of the weights) runs with its own.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unisign.models.compilation import compile_options


class PackedTimeline:
    """What a ``GraphBlock`` needs of a ``ClipTimeline``, made of one tensor and one number.

    Args:
        position: long [N]; the place of each packed frame on the timeline.
        length: frames of the timeline.
    """

    def __init__(self, position: Tensor, length: int) -> None:
        self.position, self.length = position, length

    def convolve(self, frames: Tensor, conv: nn.Conv2d) -> Tensor:
        """Return the temporal convolution [..., N, C'] of frames [..., N, C], as a sum of one product a tap.

        A convolution would be compiled anew for each length of the timeline, at least on the CPU of PyTorch 2.13.
        """
        taps, margin = conv.kernel_size[1], int(conv.padding[1])
        empty = frames.new_zeros(*frames.shape[:-2], self.length + 2 * margin, frames.shape[-1])
        timeline = empty.index_copy(-2, self.position + margin, frames)
        total = F.linear(timeline.index_select(-2, self.position), conv.weight[:, :, 0, 0], conv.bias)
        for tap in range(1, taps):
            seen = timeline.index_select(-2, self.position + tap)
            total = total + F.linear(seen, conv.weight[:, :, 0, tap])
        return total


class CompiledNetworks(NamedTuple):
    """Two functions of an encoder.

    Attributes:
        spatial: ``(encoder, frames) -> networks``.
        temporal: ``(encoder, networks, position, length) -> [N, C]``.
    """

    spatial: Callable[..., dict[str, Tensor]]
    temporal: Callable[..., Tensor]


def compile_networks(options: dict[str, Any]) -> CompiledNetworks:
    """Return compiled functions; they are compiled at their first calls.

    Args:
        options: of ``torch.compile``; ``dynamic`` is True unless it is given.
    """
    options = compile_options(options)
    return CompiledNetworks(torch.compile(_spatial, **options), torch.compile(_temporal, **options))


def _spatial(encoder: Any, frames: dict[str, Tensor]) -> dict[str, Tensor]:
    return encoder.spatial_of(frames, None)


def _temporal(encoder: Any, networks: dict[str, Tensor], position: Tensor, length: int) -> Tensor:
    return encoder.temporal_of(networks, PackedTimeline(position, length))

"""A network of two hidden ReLU layers on pairs of numbers, computed region by region.

The first layer's units are lines in the plane of the inputs. Between them, where the same units are on, the second
layer is a linear map of the two inputs: the network needs no product of two hidden layers for each pair, but one for
each region. All is exact but for rounding, gradients too.

Shape letters: P pairs, W width of the hidden layers, R regions with a pair in them, K blocks of pairs of one region.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

# Pairs in a block, and blocks that are computed at a time: their hidden layers fit into a core's cache.
BLOCK, BLOCKS = 32, 64
# A float32 holds whole numbers of so many bits.
BITS = 24


def pair_network(inputs: Tensor, *weights: Tensor) -> Tensor:
    """Return [P] for ``inputs`` [P, 2]; ``weights``: weight and bias of each of the three layers."""
    weight1, bias1, weight2, bias2, weight3, bias3 = weights
    lines = torch.cat([weight1, bias1[:, None]], dim=1)
    regions = Regions.of(inputs.detach(), lines.detach())
    maps = weight2 @ (regions.active[..., None] * lines) + pad(bias2[:, None], (2, 0))
    return _Pieces.apply(inputs, maps, weight3[0], regions) + bias3


@dataclass
class Regions:
    """Pairs by the units of the first layer that are on.

    Attributes:
        active: [R, W]; 1 for the units that are on, 0 for the others. Two regions may be the same.
        pairs: long [K * BLOCK]; numbers of pairs; P where a block is not full.
        region: long [K]; that of each block, ascending.
    """

    active: Tensor
    pairs: Tensor
    region: Tensor

    @classmethod
    @torch.no_grad()
    def of(cls, inputs: Tensor, lines: Tensor) -> 'Regions':
        """Return those of inputs [P, 2] for the first layer's weight and bias, [W, 3]."""
        codes = _codes(inputs, lines)
        order = _hash(codes).sort().indices
        codes = codes.index_select(1, order)
        changes = (codes[:, 1:] != codes[:, :-1]).any(dim=0).nonzero()[:, 0] + 1
        ends = torch.cat([changes, changes.new_full((min(len(order), 1),), len(order))])
        starts = pad(ends, (1, 0))[:-1]
        blocks = (ends - starts + BLOCK - 1) // BLOCK
        places = (BLOCK * (blocks.cumsum(0) - blocks) - starts).repeat_interleave(ends - starts)
        pairs = order.new_full((BLOCK * int(blocks.sum()),), len(order))
        pairs[places.add_(torch.arange(len(order)))] = order
        first = inputs[order[starts]]
        return cls(
            active=_on(_homogeneous(first) @ lines.t()),
            pairs=pairs,
            region=torch.arange(len(blocks)).repeat_interleave(blocks),
        )

    def some(self, points: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Yield of ``points`` [K, BLOCK, 3], ``pairs`` and ``region`` those of some blocks at a time."""
        return zip(points.split(BLOCKS), self.pairs.split(BLOCKS * BLOCK), self.region.split(BLOCKS), strict=True)


class _Pieces(torch.autograd.Function):
    """The second layer and the last, less its bias, where the second is a linear map in each region."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, maps: Tensor, last: Tensor, regions: Regions) -> Tensor:
        """Return [P] for inputs [P, 2], what the second layer is before its ReLU, [R, W, 3], and the weights [W]."""
        inputs = pad(_homogeneous(inputs), (0, 0, 0, 1))
        slopes = torch.empty_like(inputs)  # the result is linear in each pair's surroundings too
        points = inputs.index_select(0, regions.pairs).unflatten(0, (-1, BLOCK))
        room = inputs.new_empty(BLOCKS, maps.shape[1], BLOCK)
        behind = (maps * last[:, None]).transpose(1, 2).contiguous()
        for inside, pairs, region in regions.some(points):
            hidden = torch.bmm(maps.index_select(0, region), inside.transpose(1, 2), out=room[: len(region)])
            on = _on(hidden)  # K W BLOCK
            slopes.index_copy_(0, pairs, (behind.index_select(0, region) @ on).transpose(1, 2).flatten(0, 1))
        ctx.save_for_backward(points, maps, last, slopes)
        ctx.regions = regions
        return (inputs * slopes).sum(dim=1)[:-1]

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of the arguments of ``forward`` for that of its result, [P]."""
        points, maps, last, slopes = ctx.saved_tensors
        weights = pad(gradient, (0, 1))
        room = points.new_empty(BLOCKS, BLOCK, maps.shape[1])
        linear = maps.transpose(1, 2).contiguous()
        sums = torch.zeros_like(linear)
        for inside, pairs, region in ctx.regions.some(points):
            hidden = torch.bmm(inside, linear.index_select(0, region), out=room[: len(region)])
            on = _on(hidden)  # K BLOCK W
            weighed = inside * weights.index_select(0, pairs).view(-1, BLOCK, 1)
            sums.index_add_(0, region, weighed.transpose(1, 2) @ on)
        sums = sums.transpose(1, 2)
        return slopes[:-1, :2] * gradient[:, None], sums * last[:, None], (sums * maps).sum(dim=(0, 2)), None


def _codes(inputs: Tensor, lines: Tensor) -> Tensor:
    """Return whole numbers [W / BITS, P] that tell for inputs [P, 2] which units of the first layer are on."""
    width = len(lines)
    powers = torch.zeros(-(-width // BITS), width, dtype=lines.dtype)
    unit = torch.arange(width)
    powers[unit // BITS, unit] = 2.0 ** (unit % BITS).to(lines.dtype)
    codes = inputs.new_empty(len(powers), len(inputs))
    room = inputs.new_empty(width * BLOCK * BLOCKS)
    points = _homogeneous(inputs).t()
    for some, result in zip(points.split(BLOCK * BLOCKS, dim=1), codes.split(BLOCK * BLOCKS, dim=1), strict=True):
        hidden = torch.mm(lines, some, out=room[: width * some.shape[1]].view(width, -1))
        result.copy_(powers @ _on(hidden))
    return codes


def _hash(codes: Tensor) -> Tensor:
    """Return int32 [P] for whole numbers [.., P]: mostly different ones for different ones."""
    mixed = torch.zeros(codes.shape[1], dtype=torch.int32)
    for row in codes:
        mixed = mixed.mul_(-1640531535).add_(row.int())
    return mixed


def _homogeneous(inputs: Tensor) -> Tensor:
    """Return [P, 3] for [P, 2]: with ones."""
    return pad(inputs, (0, 1), value=1.0)


def _on(values: Tensor) -> Tensor:
    """Turn into 1 what is positive, and all else into 0 (in place; a comparison takes five times as long)."""
    one = values.new_ones(()).expand_as(values)
    return torch.ops.aten.threshold_backward.grad_input(one, values, 0, grad_input=values)

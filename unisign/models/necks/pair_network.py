"""A network of two hidden ReLU layers on pairs of numbers, computed region by region.

The first layer's units are lines in the plane of the inputs. Between them, where the same units are on, the second
layer is a linear map of the two inputs: the network needs no product of two hidden layers for each pair, but one for
each region. All is exact but for rounding, gradients too.

Shape letters: P pairs, W width of the hidden layers, R regions with a pair in them, K blocks of pairs of one region.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

# Pairs in a block, and blocks that are computed at a time: their hidden layers fit into a core's cache.
BLOCK, BLOCKS = 32, 64
# A float32 holds whole numbers of so many bits.
BITS = 24


def pair_network(inputs: Tensor, *weights: Tensor) -> Tensor:
    """Return [P] for ``inputs`` [P, 2]; ``weights``: weight and bias of each of the three layers.

    What a backward pass needs is some 10 numbers a pair: no hidden layer is kept.
    """
    weight1, bias1, weight2, bias2, weight3, bias3 = weights
    lines = torch.cat([weight1, bias1[:, None]], dim=1)
    regions = find_regions(inputs.detach(), lines.detach())
    maps = weight2 @ (regions.active[..., None] * lines) + pad(bias2[:, None], (2, 0))
    return _Pieces.apply(inputs, maps, weight3[0], *regions[1:]) + bias3


class Regions(NamedTuple):
    """Pairs by the units of the first layer that are on, in blocks.

    Attributes:
        active: [R, W]; 1 for the units that are on, 0 for the others. Two regions may be the same.
        points: [K, BLOCK, 3]; the inputs and a 1; zeros where a block is not full.
        pairs: long [K * BLOCK]; numbers of pairs; P where a block is not full.
        region: long [K]; that of each block, ascending.
        places: long [P]; where each pair is in ``pairs``.
    """

    active: Tensor
    points: Tensor
    pairs: Tensor
    region: Tensor
    places: Tensor


@torch.no_grad()
def find_regions(inputs: Tensor, lines: Tensor) -> Regions:
    """Return the regions of inputs [P, 2]; ``lines``: the first layer's weight and bias, [W, 3]."""
    count, points = len(inputs), pad(inputs, (0, 1), value=1.0)
    codes = _codes(points, lines)
    order = _hash(codes).sort().indices
    codes = codes.index_select(1, order)
    changes = (codes[:, 1:] != codes[:, :-1]).any(dim=0).nonzero()[:, 0] + 1
    ends = torch.cat([changes, changes.new_full((min(count, 1),), count)])
    starts = pad(ends, (1, 0))[:-1]
    blocks = (ends - starts + BLOCK - 1) // BLOCK
    shifts = BLOCK * (blocks.cumsum(0) - blocks) - starts
    sorted_places = shifts.repeat_interleave(ends - starts).add_(torch.arange(count))
    pairs = order.new_full((BLOCK * int(blocks.sum()),), count).scatter_(0, sorted_places, order)
    return Regions(
        active=_on_(points[order[starts]] @ lines.t()),
        points=pad(points, (0, 0, 0, 1)).index_select(0, pairs).unflatten(0, (-1, BLOCK)),
        pairs=pairs,
        region=torch.arange(len(blocks)).repeat_interleave(blocks),
        places=torch.empty_like(order).scatter_(0, order, sorted_places),
    )


def _codes(points: Tensor, lines: Tensor) -> Tensor:
    """Return whole numbers [W / BITS, P] that tell for points [P, 3] which units of the first layer are on."""
    width, some = len(lines), BLOCK * BLOCKS
    unit = torch.arange(width)
    powers = lines.new_zeros(-(-width // BITS), width)
    powers[unit // BITS, unit] = 2.0 ** (unit % BITS).to(lines)
    codes, room = points.new_empty(len(powers), len(points)), points.new_empty(width * some)
    for inside, result in zip(points.t().split(some, dim=1), codes.split(some, dim=1), strict=True):
        hidden = torch.mm(lines, inside, out=room[: width * inside.shape[1]].view(width, -1))
        result.copy_(powers @ _on_(hidden))
    return codes


def _hash(codes: Tensor) -> Tensor:
    """Return int32 [P] for whole numbers [.., P]: mostly different ones for different ones."""
    mixed = torch.zeros(codes.shape[1], dtype=torch.int32)
    for row in codes:
        mixed.mul_(-1640531535).add_(row.int())
    return mixed


class _Pieces(torch.autograd.Function):
    """The second layer and the last, less its bias, where the second is a linear map in each region."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, maps: Tensor, last: Tensor, *blocks: Tensor) -> Tensor:
        """Return [P] for inputs [P, 2].

        ``maps``: to the second layer before its ReLU, [R, W, 3]; ``last``: the last layer's weight, [W]; ``blocks``:
        all of ``Regions`` but the first.
        """
        points, pairs, region, places = blocks
        slopes = torch.empty_like(points)  # the result is linear around each pair
        room = inputs.new_empty(BLOCKS, maps.shape[1], BLOCK)
        behind = (maps * last[:, None]).transpose(1, 2).contiguous()
        for inside, wanted, where in zip(*(t.split(BLOCKS) for t in (points, slopes, region)), strict=True):
            hidden = torch.bmm(maps.index_select(0, where), inside.transpose(1, 2), out=room[: len(where)])
            wanted.copy_((behind.index_select(0, where) @ _on_(hidden)).transpose(1, 2))
        slopes = slopes.view(-1, 3).index_select(0, places)
        ctx.save_for_backward(slopes, maps, last, points, pairs.int(), region)
        return (slopes[:, :2] * inputs).sum(dim=1).add_(slopes[:, 2])

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of the arguments of ``forward`` for that of its result, [P]."""
        slopes, maps, last, points, pairs, region = ctx.saved_tensors
        given = pad(gradient, (0, 1))
        room = points.new_empty(BLOCKS, BLOCK, maps.shape[1])
        linear = maps.transpose(1, 2).contiguous()
        sums = torch.zeros_like(linear)
        given = given.index_select(0, pairs).view(-1, BLOCK, 1)
        for inside, weight, where in zip(*(t.split(BLOCKS) for t in (points, given, region)), strict=True):
            hidden = torch.bmm(inside, linear.index_select(0, where), out=room[: len(where)])
            sums.index_add_(0, where, (inside * weight).transpose(1, 2) @ _on_(hidden))
        sums = sums.transpose(1, 2)
        of_last = (sums * maps).sum(dim=(0, 2))
        return slopes[:, :2] * gradient[:, None], sums * last[:, None], of_last, None, None, None, None


def _on_(values: Tensor) -> Tensor:
    """Turn into 1 what is positive, and all else into 0 (a comparison takes five times as long)."""
    one = values.new_ones(()).expand_as(values)
    return torch.ops.aten.threshold_backward.grad_input(one, values, 0, grad_input=values)

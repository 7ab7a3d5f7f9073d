"""A network of two hidden ReLU layers on pairs of numbers, computed tile by tile of their plane.

In a small tile of the plane nearly all units are known to be on or off (``plane_tiles``). What is on is a linear map of
the two inputs and of the few open units: the network needs some five units of a layer for each pair instead of 64, and
the large products once for each tile. All is exact but for rounding, gradients too.

Shape letters: P pairs, W width of the hidden layers, R tiles with a pair in them, K blocks of L pairs of one tile,
A and B rows of a tile's two layers (3 + open units of the first; 1 + open units of the second).
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

from unisign.models.necks.plane_tiles import BLOCK, Tiles, Units, classify_units, find_tiles

# Blocks that are computed at a time: their layers fit into a core's cache.
BLOCKS = 512
# Tiles with at most so many open units in a layer are computed together.
WIDTHS = 4, 8, 16


def pair_network(inputs: Tensor, *weights: Tensor) -> Tensor:
    """Return [P] for ``inputs`` [P, 2], P > 0; ``weights``: weight and bias of each of the three layers.

    What a backward pass needs is some 10 numbers a pair: no hidden layer is kept.
    """
    lines = torch.cat([weights[0], weights[1][:, None]], dim=1)
    with torch.no_grad():
        tiles = find_tiles(inputs)
        units = classify_units(tiles, lines, weights[2], weights[3])
        groups = group_tiles(units)
        blocks = [make_blocks(tiles, group) for group in groups]
    networks = [part for group in groups for part in small_networks(units, group, lines, *weights[2:])]
    return _SmallNetworks.apply(inputs, blocks, *networks)


def group_tiles(units: Units) -> list[Tensor]:
    """Return the numbers of tiles that have about as many open units."""
    most = torch.stack([is_open.sum(dim=1) for is_open in units.open]).amax(dim=0)
    groups = torch.bucketize(most, torch.tensor(WIDTHS))
    return [group for number in range(len(WIDTHS) + 1) if len(group := (groups == number).nonzero()[:, 0])]


class Blocks(NamedTuple):
    """Pairs of some tiles, in blocks of one tile each.

    Attributes:
        pairs: long [K, L]; numbers of pairs; P where a block is not full.
        tile: long [K]; that of each block, as a number in its group, ascending.
    """

    pairs: Tensor
    tile: Tensor


def make_blocks(tiles: Tiles, group: Tensor) -> Blocks:
    """Return the blocks of a group of tiles."""
    counts, starts = tiles.counts[group], (tiles.counts.cumsum(0) - tiles.counts)[group]
    numbers = (counts + BLOCK - 1) // BLOCK
    tile = torch.arange(len(group)).repeat_interleave(numbers)
    last = numbers.cumsum(0) - 1
    places = (starts - BLOCK * (last + 1 - numbers))[tile] + BLOCK * torch.arange(len(tile))
    # Any run of places is a row of what ``unfold`` sees.
    pairs = tiles.order.unfold(0, BLOCK, 1).index_select(0, places)
    full = places[last, None] + torch.arange(BLOCK) < (starts + counts)[:, None]
    pairs[last] = pairs[last].where(full, len(tiles.order) - BLOCK)
    return Blocks(pairs, tile)


def small_networks(
    units: Units, group: Tensor, lines: Tensor, weight: Tensor, bias: Tensor, last: Tensor, last_bias: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the networks of some tiles: f(x) = sum of the rows of ``behind`` @ z that are on, with z = ReLU'(before @ x).

    x is a pair and a 1. The first three rows of ``before`` give x itself, without ReLU. A row is on where that of
    ``between`` @ z is positive; the first always is, and stands for all units that are known to be on.

    Args:
        units: of all tiles.
        group: numbers of those wanted, [R].
        lines: weight and bias of the first layer, [W, 3].
        weight: of the second layer, [W, W].
        bias: of the second layer, [W].
        last: weight of the third layer, [1, W].
        last_bias: of the third layer, [1].

    Returns:
        ``before`` [R, A, 3], ``between`` [R, B, A] without gradient and ``behind`` [R, B, A].
    """
    # One unit more, always off, fills the tiles that have fewer open ones than others.
    on = [pad(on[group].to(lines.dtype), (0, 1)) for on in units.on]
    opened = [_numbers(is_open[group]) for is_open in units.open]
    lines, weight, bias, last = pad(lines, (0, 0, 0, 1)), pad(weight, (0, 1, 0, 1)), pad(bias, (0, 1)), pad(last[0], (0, 1))
    known = on[1] * last
    first = known @ weight
    sure = torch.cat([(first * on[0]) @ lines + pad((known @ bias)[:, None] + last_bias, (2, 0)), first.gather(1, opened[0])], dim=1)
    rows = weight.index_select(0, opened[1].flatten()).unflatten(0, opened[1].shape)
    of_pair = (rows * on[0][:, None]) @ lines + pad(bias[opened[1]][..., None], (2, 0))
    of_open = rows.gather(2, opened[0][:, None].expand(-1, rows.shape[1], -1))
    second = torch.cat([of_pair, of_open], dim=2)
    one = torch.zeros_like(second[:, :1])
    one[:, :, 2] = 1
    same = torch.eye(3, dtype=lines.dtype).expand(len(group), 3, 3)
    before = torch.cat([same, lines.index_select(0, opened[0].flatten()).unflatten(0, opened[0].shape)], dim=1)
    behind = torch.cat([sure[:, None], second * last[opened[1]][..., None]], dim=1)
    return before, torch.cat([one, second.detach()], dim=1), behind


def _numbers(chosen: Tensor) -> Tensor:
    """Return the numbers of the chosen units in each row of bool [R, W], filled up with W."""
    row, unit = chosen.nonzero(as_tuple=True)
    counts = chosen.sum(dim=1)
    numbers = unit.new_full((len(chosen), max(int(counts.max()), 3)), chosen.shape[1])
    numbers[row, torch.arange(len(row)) - (counts.cumsum(0) - counts)[row]] = unit
    return numbers


class _SmallNetworks(torch.autograd.Function):
    """What ``small_networks`` describes, for the blocks of each group."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, groups: list[Blocks], *networks: Tensor) -> Tensor:
        """Return [P] for inputs [P, 2]."""
        ctx.save_for_backward(inputs, *networks)
        ctx.groups = groups
        result = inputs.new_empty(len(inputs) + 1)
        for blocks, *network in zip(groups, *(networks[part::3] for part in range(3)), strict=True):
            room = Room(inputs)
            for pairs, where in zip(*(t.split(BLOCKS) for t in blocks), strict=True):
                layers = Layers(room, room.points(inputs, pairs), network, where)
                values = room('values', len(pairs), BLOCK)
                result.put_(pairs, torch.sum(layers.slopes().mul_(layers.points), dim=1, out=values))
        return result[:-1]

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of the arguments of ``forward`` for that of its result, [P]."""
        inputs, *networks = ctx.saved_tensors
        given, of_inputs = pad(gradient, (0, 1)), inputs.new_empty(len(inputs) + 1, 2)
        gradients: list[Tensor | None] = []
        for blocks, *network in zip(ctx.groups, *(networks[part::3] for part in range(3)), strict=True):
            count, room = len(blocks.tile), Room(inputs)
            sums = [inputs.new_empty(count, *network[part].shape[1:]) for part in (0, 2)]
            for of_before, of_behind, pairs, where in zip(*(t.split(BLOCKS) for t in (*sums, *blocks)), strict=True):
                weight, of_points = room('weight', len(pairs), 1, BLOCK), room('of_points', len(pairs), BLOCK, 2)
                torch.index_select(given, 0, pairs.flatten(), out=weight.view(-1))
                layers = Layers(room, room.points(inputs, pairs), network, where)
                of_points.copy_(layers.slopes().mul_(weight)[:, :2].transpose(1, 2))
                torch.view_as_complex(of_inputs).put_(pairs, torch.view_as_complex(of_points))
                torch.bmm(layers.on, layers.hidden.mul_(weight).transpose(1, 2), out=of_behind)
                torch.bmm(layers.steep, layers.points.mul_(weight).transpose(1, 2), out=of_before)
            by_tile = [torch.zeros_like(network[part]).index_add_(0, blocks.tile, sums[part // 2]) for part in (0, 2)]
            gradients += [by_tile[0], None, by_tile[1]]
        return of_inputs[:-1], None, *gradients


class Room:
    """Memory that is used over and over: the system takes longer to give new one than the products here take."""

    def __init__(self, like: Tensor) -> None:
        self.like = like
        self.kept: dict[str, Tensor] = {}

    def __call__(self, name: str, *shape: int) -> Tensor:
        """Return what the name stands for, of this shape; shapes of one name differ in the first size only."""
        if name not in self.kept:
            self.kept[name] = self.like.new_empty(shape)
        return self.kept[name][: shape[0]]

    def points(self, inputs: Tensor, pairs: Tensor) -> Tensor:
        """Return the inputs [P, 2] of the pairs [K, L] and a 1, [K, 3, L]."""
        chosen = self('chosen', len(pairs), BLOCK, 2)
        flat = torch.view_as_complex(chosen).flatten()
        torch.index_select(torch.view_as_complex(inputs), 0, pairs.flatten().clamp(max=len(inputs) - 1), out=flat)
        points = self('points', len(pairs), 3, BLOCK)
        points[:, :2] = chosen.transpose(1, 2)
        points[:, 2] = 1
        return points


class Layers:
    """The layers of some blocks, as ``small_networks`` describes them.

    Attributes:
        points: [K, 3, L].
        hidden: z, [K, A, L].
        on: [K, B, L]; 1 where a row of the second layer is on, else 0.
        steep: [K, A, L]; how much the result changes with z before its ReLU.
    """

    def __init__(self, room: Room, points: Tensor, network: list[Tensor], tile: Tensor) -> None:
        count = len(tile)
        before, between, behind = (
            torch.index_select(part, 0, tile, out=room(str(index), count, *part.shape[1:]))
            for index, part in enumerate(network)
        )
        _, rows, columns = between.shape
        self.room, self.points, self.before = room, points, before
        self.hidden = torch.bmm(before, points, out=room('hidden', count, columns, BLOCK))
        self.hidden[:, 3:].relu_()
        self.on = on_(torch.bmm(between, self.hidden, out=room('on', count, rows, BLOCK)))
        self.steep = torch.bmm(behind.transpose(1, 2), self.on, out=room('steep', count, columns, BLOCK))
        passing = self.steep[:, 3:]
        torch.ops.aten.threshold_backward.grad_input(passing, self.hidden[:, 3:], 0, grad_input=passing)

    def slopes(self) -> Tensor:
        """Return [K, 3, L]: the result is their product with the points."""
        return torch.bmm(self.before.transpose(1, 2), self.steep, out=self.room('slopes', len(self.points), 3, BLOCK))


def on_(values: Tensor) -> Tensor:
    """Turn into 1 what is positive, and all else into 0 (a comparison takes five times as long)."""
    one = values.new_ones(()).expand_as(values)
    return torch.ops.aten.threshold_backward.grad_input(one, values, 0, grad_input=values)

"""A network of two hidden ReLU layers on pairs of numbers, computed tile by tile of their plane.

In a small tile of the plane nearly all units are known to be on or off (``plane_tiles``). What is on is a linear map of
the two inputs and of the few open units: the network needs some five units of a layer for each pair instead of 64, and
the large products once for each tile (``tile_networks``). All is exact but for rounding, gradients too.

Shape letters: P pairs, R tiles with a pair in them, K blocks of L pairs of one tile, A and B rows of a tile's layers
(``SmallNetworks``).
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from unisign.models.necks.plane_tiles import BLOCK, classify_units, find_tiles
from unisign.models.necks.tile_networks import Blocks, group_tiles, make_blocks, small_networks

# Blocks that are computed at a time: their layers fit into a core's cache.
BLOCKS = 512


def pair_network(inputs: Tensor, *weights: Tensor) -> Tensor:
    """Return [P] for ``inputs`` [P, 2], P > 0; ``weights``: weight and bias of each of the three layers.

    What a backward pass needs is some 5 numbers a pair: no hidden layer is kept.
    """
    with torch.no_grad():
        tiles = find_tiles(inputs)
        units = classify_units(tiles, *weights[:4])
        groups = group_tiles(units)
        blocks = [make_blocks(tiles, group) for group in groups]
    networks = [part for group in groups for part in small_networks(units, group, weights)]
    return _Evaluate.apply(inputs, blocks, *networks)


class _Evaluate(torch.autograd.Function):
    """The small networks, for the blocks of each group."""

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
    """The layers of some blocks, as ``SmallNetworks`` describes them.

    Attributes:
        points: [K, 3, L].
        hidden: z, [K, A, L].
        on: [K, B, L]; 1 where a row of the second layer is on, else 0.
        steep: [K, A, L]; how much the result changes with z before its ReLU.
    """

    def __init__(self, room: Room, points: Tensor, network: Sequence[Tensor], tile: Tensor) -> None:
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

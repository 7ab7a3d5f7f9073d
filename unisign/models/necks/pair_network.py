"""A network of two hidden ReLU layers on pairs of numbers, computed tile by tile of their plane.

In a small tile of the plane nearly all units are known to be on or off (``plane_tiles``). What is on is a linear map of
the two inputs and of the few open units: the network needs some five units of a layer for each pair instead of 64, and
the large products once for each tile (``tile_networks``). All is exact but for rounding, gradients too.

Shape letters: P pairs, R tiles with a pair in them, K blocks of L pairs of one tile, A and B rows of a tile's layers
(``SmallNetworks``).
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

from unisign.models.necks.plane_tiles import BLOCK, classify_units, find_tiles
from unisign.models.necks.tile_networks import Blocks, group_tiles, make_blocks, small_networks

# Blocks that are computed at a time: their layers fit into a core's cache.
BLOCKS = 256


def pair_network(inputs: Tensor, *weights: Tensor) -> Tensor:
    """Return [P] for ``inputs`` [P, 2], P > 0; ``weights``: weight and bias of each of the three layers.

    A backward pass needs some 22 numbers a pair, where PyTorch would keep the hidden layers' 128.
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
        keeps = any(ctx.needs_input_grad)
        kept: list[Tensor] = []
        result = inputs.new_empty(len(inputs) + 1)
        for blocks, *network in zip(groups, *(networks[part::3] for part in range(3)), strict=True):
            count, room = len(blocks.tile), Room(inputs)
            layers = make_layers(count if keeps else min(BLOCKS, count), network)
            chosen, values = _choose(inputs, blocks.pairs), inputs.new_empty(blocks.pairs.shape)
            for start in range(0, count, BLOCKS):
                now = slice(start, min(start + BLOCKS, count))
                some = layers.of(now if keeps else slice(0, now.stop - start))
                points = room('points', len(some.slopes), 3, BLOCK)
                points[:, :2], points[:, 2] = chosen[now].transpose(1, 2), 1
                room.compute(some, points, network, blocks.tile[now])
                torch.sum(points.mul_(some.slopes), dim=1, out=values[now])
            result.index_copy_(0, blocks.pairs.flatten(), values.flatten())
            kept += layers
        ctx.groups, ctx.shapes = groups, [network.shape for network in networks]
        if keeps:
            ctx.save_for_backward(*kept)
        return result[:-1]

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of the arguments of ``forward`` for that of its result, [P]."""
        kept, size = ctx.saved_tensors, len(Layers._fields)
        given, of_inputs = pad(gradient, (0, 1)), gradient.new_empty(len(gradient) + 1, 2)
        gradients: list[Tensor | None] = []
        for number, blocks in enumerate(ctx.groups):
            layers, shapes = Layers(*kept[number * size :][:size]), ctx.shapes[3 * number :][:3]
            count, room, pairs = len(blocks.tile), Room(gradient), blocks.pairs.flatten()
            sums = [gradient.new_empty(count, *shapes[part][1:]) for part in (0, 2)]
            weights = given.index_select(0, pairs).view(count, 1, BLOCK)
            of_points = gradient.new_empty(count, BLOCK, 2)
            for start in range(0, count, BLOCKS):
                now = slice(start, start + BLOCKS)
                some, weight, (of_before, of_behind) = layers.of(now), weights[now], (each[now] for each in sums)
                torch.mul(some.slopes[:, :2].transpose(1, 2), weight.transpose(1, 2), out=of_points[now])
                weighted = torch.mul(some.hidden, weight, out=room('hidden', *some.hidden.shape))
                torch.bmm(some.on, weighted.transpose(1, 2), out=of_behind)
                torch.bmm(some.steep, weighted[:, :3].transpose(1, 2), out=of_before)
            torch.view_as_complex(of_inputs).index_copy_(0, pairs, torch.view_as_complex(of_points).flatten())
            by_tile = [gradient.new_zeros(shapes[part]).index_add_(0, blocks.tile, sums[part // 2]) for part in (0, 2)]
            gradients += [by_tile[0], None, by_tile[1]]
        return of_inputs[:-1], None, *gradients


class Layers(NamedTuple):
    """The layers of some blocks, as ``SmallNetworks`` describes them.

    Attributes:
        hidden: z, [K, A, L]; its first three rows are the pairs themselves and a 1.
        on: [K, B, L]; 1 where a row of the second layer is on, else 0.
        steep: [K, A, L]; how much the result changes with z before its ReLU.
        slopes: [K, 3, L]; the result is their product with the pairs and the 1.
    """

    hidden: Tensor
    on: Tensor
    steep: Tensor
    slopes: Tensor

    def of(self, now: slice) -> 'Layers':
        """Return those of some blocks."""
        return Layers(*(part[now] for part in self))


def make_layers(count: int, network: Sequence[Tensor]) -> Layers:
    """Return memory for the layers of ``count`` blocks."""
    _, rows, columns = network[1].shape
    return Layers(*(network[1].new_empty(count, size, BLOCK) for size in (columns, rows, columns, 3)))


def _choose(inputs: Tensor, pairs: Tensor) -> Tensor:
    """Return the inputs [P, 2] of the pairs [K, L], [K, L, 2]; as complex numbers, which are gathered in one go."""
    numbers = pairs.flatten().clamp(max=len(inputs) - 1)
    return torch.view_as_real(torch.view_as_complex(inputs).index_select(0, numbers)).view(*pairs.shape, 2)


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

    def compute(self, layers: Layers, points: Tensor, network: Sequence[Tensor], tile: Tensor) -> None:
        """Fill the layers of points [K, 3, L], in tiles [K] of the network."""
        before, between, behind = (
            torch.index_select(part, 0, tile, out=self(str(index), len(tile), *part.shape[1:]))
            for index, part in enumerate(network)
        )
        torch.bmm(before, points, out=layers.hidden)
        layers.hidden[:, 3:].relu_()
        on_(torch.bmm(between, layers.hidden, out=layers.on))
        torch.bmm(behind.transpose(1, 2), layers.on, out=layers.steep)
        passing = layers.steep[:, 3:]
        torch.ops.aten.threshold_backward.grad_input(passing, layers.hidden[:, 3:], 0, grad_input=passing)
        torch.bmm(before.transpose(1, 2), layers.steep, out=layers.slopes)


def on_(values: Tensor) -> Tensor:
    """Turn into 1 what is positive, and all else into 0 (a comparison takes five times as long)."""
    one = values.new_ones(()).expand_as(values)
    return torch.ops.aten.threshold_backward.grad_input(one, values, 0, grad_input=values)

"""A network of two hidden ReLU layers on pairs of numbers, computed tile by tile of their plane.

In a small tile of the plane nearly all units are known to be on or off (``plane_tiles``). What is on is a linear map of
the two inputs and of the few open units: the network needs some five units of a layer for each pair instead of 64, and
the large products once for each tile (``tile_networks``). All is exact but for rounding, gradients too.

Shape letters: P pairs, R tiles with a pair in them, K blocks of L pairs of one tile, A and B rows of a tile's layers
(``SmallNetworks``).
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

from unisign.models.necks.plane_tiles import BLOCK, classify_units, find_tiles
from unisign.models.necks.tile_networks import Blocks, SmallNetworks, group_tiles, make_blocks, small_networks

# Blocks that are computed at a time: their layers fit into a core's cache.
BLOCKS = 256
# Numbers that are written for a pair: its result, the slopes along both inputs, and one to make four (``_in_one``).
WRITTEN = 4


def pair_network(inputs: Tensor, *weights: Tensor) -> Tensor:
    """Return [P] for ``inputs`` [P, 2], P > 0; ``weights``: weight and bias of each of the three layers.

    A backward pass needs some 21 numbers a pair, where PyTorch would keep the hidden layers' 128.
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
        answers = inputs.new_empty(len(inputs) + 1, WRITTEN)
        for blocks, *parts in zip(groups, *(networks[part::3] for part in range(3)), strict=True):
            network = SmallNetworks(*(part.index_select(0, blocks.tile) for part in parts))
            chosen, new = _choose(inputs, blocks.pairs), inputs.new_empty(*blocks.pairs.shape, WRITTEN)
            layers = make_layers(network, len(chosen) if keeps else min(BLOCKS, len(chosen)))
            scratch = Scratch(network)
            for number, (points, answer, *some) in enumerate(_pieces(chosen, new, *network)):
                layer = layers.piece(number if keeps else 0, len(points))
                scratch.compute(points, SmallNetworks(*some), layer, answer)
            _in_one(answers).index_copy_(0, blocks.pairs.flatten(), _in_one(new.flatten(0, 1)))
            kept += layers
        ctx.groups, ctx.sizes = groups, [len(part) for part in networks[::3]]
        if keeps:
            ctx.save_for_backward(answers, *kept)
        return answers[:-1, 0]

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of the arguments of ``forward`` for that of its result, [P]."""
        answers, *kept = ctx.saved_tensors
        given, count = pad(gradient, (0, 1)), len(Layers._fields)
        gradients: list[Tensor | None] = []
        for number, blocks in enumerate(ctx.groups):
            layers = Layers(*kept[number * count :][:count])
            weights = given.index_select(0, blocks.pairs.flatten()).view(-1, 1, BLOCK)
            of_before = gradient.new_empty(*layers.opened.shape[:2], 3)
            of_behind = gradient.new_empty(*layers.on.shape[:2], layers.hidden.shape[1])
            room = torch.empty_like(layers.hidden[:BLOCKS])
            for weight, hidden, on, opened, before, behind in _pieces(weights, *layers, of_before, of_behind):
                weighted = torch.mul(hidden, weight, out=room[: len(weight)]).transpose(1, 2)
                torch.bmm(opened, weighted[..., :3], out=before)
                torch.bmm(on, weighted, out=behind)
            sums = [
                part.new_zeros(ctx.sizes[number], *part.shape[1:]).index_add_(0, blocks.tile, part)
                for part in (of_before, of_behind)
            ]
            gradients += [sums[0], None, sums[1]]
        return answers[:-1, 1:3] * gradient[:, None], None, *gradients


class Layers(NamedTuple):
    """The layers of some blocks, as ``SmallNetworks`` describes them.

    Attributes:
        hidden: z, [K, A, L]; its first three rows are the pairs themselves and a 1.
        on: [K, B, L]; 1 where a row of the second layer is on, else 0.
        opened: [K, A - 3, L]; how much the result changes with the open units of z before their ReLU.
    """

    hidden: Tensor
    on: Tensor
    opened: Tensor

    def piece(self, number: int, count: int) -> 'Layers':
        """Return those of ``count`` blocks, behind so many pieces of ``BLOCKS``."""
        return Layers(*(part[number * BLOCKS :][:count] for part in self))


def make_layers(network: SmallNetworks, count: int) -> Layers:
    """Return memory for the layers of ``count`` blocks."""
    rows, columns = network.between.shape[1:]
    return Layers(*(network.between.new_empty(count, size, BLOCK) for size in (columns, rows, columns - 3)))


def _pieces(*parts: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Yield the parts of ``BLOCKS`` blocks at a time."""
    return zip(*(part.split(BLOCKS) for part in parts), strict=True)


def _choose(inputs: Tensor, pairs: Tensor) -> Tensor:
    """Return the inputs [P, 2] of the pairs [K, L], [K, L, 2]; as complex numbers, which are gathered in one go."""
    numbers = pairs.flatten().clamp(max=len(inputs) - 1)
    return torch.view_as_real(torch.view_as_complex(inputs).index_select(0, numbers)).view(*pairs.shape, 2)


def _in_one(rows: Tensor) -> Tensor:
    """Return float32 rows [n, 4] as [n, 1] numbers of 16 bytes, which are scattered as fast as those of four."""
    return rows.view(torch.complex128) if rows.dtype == torch.float32 else rows


class Scratch:
    """Memory that is used over and over: the system takes longer to give new one than the products here take."""

    def __init__(self, network: SmallNetworks) -> None:
        count, new = min(BLOCKS, len(network.before)), network.before.new_empty
        rows = network.behind.shape[2]
        self.points, self.steep, self.slopes = (new(count, size, BLOCK) for size in (3, rows, 3))
        self.points[:, 2] = 1
        # The first rows give x itself.
        self.before = torch.eye(rows, 3, dtype=network.before.dtype).repeat(count, 1, 1)
        self.one = new(()).fill_(1)

    def compute(self, pairs: Tensor, network: SmallNetworks, layers: Layers, answers: Tensor) -> None:
        """Fill the layers, and what is ``WRITTEN`` [K, L, 4], for pairs [K, L, 2] and the networks of K blocks."""
        memory = self.points, self.before, self.steep, self.slopes
        points, before, steep, slopes = (part[: len(pairs)] for part in memory)
        hidden, on, opened = layers
        points[:, :2] = pairs.transpose(1, 2)
        before[:, 3:] = network.before
        torch.bmm(before, points, out=hidden)
        hidden[:, 3:].relu_()
        torch.bmm(network.between, hidden, out=on)
        _where_positive(on, self.one.expand_as(on), on)
        torch.bmm(network.behind.transpose(1, 2), on, out=steep)
        _where_positive(hidden[:, 3:], steep[:, 3:], opened)
        torch.baddbmm(steep[:, :3], network.before.transpose(1, 2), opened, out=slopes)
        answers[..., 1:3] = slopes[:, :2].transpose(1, 2)
        torch.sum(slopes.mul_(points), dim=1, out=answers[..., 0])


def _where_positive(values: Tensor, chosen: Tensor, result: Tensor) -> None:
    """Write ``chosen`` where the values are positive, and 0 elsewhere (a comparison takes five times as long)."""
    torch.ops.aten.threshold_backward.grad_input(chosen, values, 0, grad_input=result)

"""A network of two hidden ReLU layers as a small one in each tile of the plane: known units summed, open ones kept.

Shape letters: W width of the hidden layers, R tiles, K blocks of L points of one tile, A and B rows of a tile's two
layers (3 + open units of the first; 1 + open units of the second).
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

from unisign.models.necks.plane_tiles import BLOCK, Tiles, Units

# Tiles with at most so many open units in a layer are computed together.
WIDTHS = 4, 8, 16


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


class SmallNetworks(NamedTuple):
    """The networks of some tiles: f(x) = sum of the rows of ``behind`` @ z that are on, z = (x, ReLU(``before`` @ x)).

    x is a pair and a 1. A row is on where that of ``between`` @ z is positive; the first always is, and stands for all
    units that are known to be on.

    Attributes:
        before: [R, A - 3, 3].
        between: [R, B, A]; without gradient.
        behind: [R, B, A].
    """

    before: Tensor
    between: Tensor
    behind: Tensor


def small_networks(units: Units, group: Tensor, weights: tuple[Tensor, ...]) -> SmallNetworks:
    """Return the networks of the tiles ``group`` [R]; ``weights``: weight and bias of each of the three layers."""
    # One unit more, always off, fills the tiles that have fewer open ones than others.
    lines, last = pad(torch.cat([weights[0], weights[1][:, None]], dim=1), (0, 0, 0, 1)), pad(weights[4][0], (0, 1))
    weight, bias = pad(weights[2], (0, 1, 0, 1)), pad(weights[3], (0, 1))
    on = [pad(part[group].to(lines.dtype), (0, 1)) for part in units.on]
    first, second = (_numbers(part[group]) for part in units.open)
    known = on[1] * last
    slopes = known @ weight
    of_pair = (slopes * on[0]) @ lines + pad((known @ bias)[:, None] + weights[5], (2, 0))
    sure = torch.cat([of_pair, slopes.gather(1, first)], dim=1)[:, None]
    unsure = _second_layer(lines, _rows(weight, second), bias[second], on[0], first)
    one = lines.new_tensor([0, 0, 1, *[0] * first.shape[1]]).expand(len(group), 1, -1)
    return SmallNetworks(
        before=_rows(lines, first),
        between=torch.cat([one, unsure.detach()], dim=1),
        behind=torch.cat([sure, unsure * last[second][..., None]], dim=1),
    )


def _second_layer(lines: Tensor, weight: Tensor, bias: Tensor, on: Tensor, opened: Tensor) -> Tensor:
    """Return open units of the second layer as rows for z, [R, B - 1, A], before their ReLU.

    Args:
        lines: weight and bias of the first layer, [W, 3].
        weight: of the open units, [R, B - 1, W].
        bias: of the open units, [R, B - 1].
        on: 1 for units of the first layer that are known to be on, [R, W].
        opened: numbers of those that are open, [R, A - 3].
    """
    of_pair = (weight * on[:, None]) @ lines + pad(bias[..., None], (2, 0))
    return torch.cat([of_pair, weight.gather(2, opened[:, None].expand(-1, weight.shape[1], -1))], dim=2)


def _rows(table: Tensor, numbers: Tensor) -> Tensor:
    """Return ``table[numbers]`` for numbers [R, n], with a faster backward pass."""
    return table.index_select(0, numbers.flatten()).unflatten(0, numbers.shape)


def _numbers(chosen: Tensor) -> Tensor:
    """Return the numbers of the chosen units in each row of bool [R, W], filled up with W."""
    row, unit = chosen.nonzero(as_tuple=True)
    counts = chosen.sum(dim=1)
    numbers = unit.new_full((len(chosen), max(int(counts.max()), 3)), chosen.shape[1])
    numbers[row, torch.arange(len(row)) - (counts.cumsum(0) - counts)[row]] = unit
    return numbers

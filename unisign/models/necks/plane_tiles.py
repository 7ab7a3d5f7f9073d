"""Tiles of the plane in which nearly all units of a network of two hidden ReLU layers are known to be on or off.

A unit is linear in the plane, or nearly so, and a tile is small: bounds on it over the tile tell of most units that
they are on everywhere in it, or off everywhere. The few others, on either side of a kink, are *open*.

Shape letters: P points, W width of the hidden layers, R tiles with a point in them, K blocks of points of one tile,
L points of a block.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

# Points that a tile has on average, and tiles along a side at most (their numbers have to fit into int16).
POINTS, SIDE = 500, 128
# Points of a block.
BLOCK = 128
# Bounds are drawn a little wider than the tile, for rounding.
MARGIN = 1.01


@dataclass
class Tiles:
    """Squares that hold all points.

    Attributes:
        centre: [R, 2].
        reach: []; half of a side.
        counts: long [R]; points in each.
        order: long [P + L]; numbers of the points, those of a tile together, tile after tile; then P and larger ones.
    """

    centre: Tensor
    reach: Tensor
    counts: Tensor
    order: Tensor


def find_tiles(points: Tensor) -> Tiles:
    """Return the tiles of points [P, 2], P > 0; a single one where a point is not finite."""
    side = min(max(int((len(points) / POINTS) ** 0.5), 1), SIDE)
    low, high = torch.aminmax(points)
    step = (MARGIN * (high - low)).clamp_min(1e-9) / side
    if not step.isfinite():
        side = 1
    numbers = torch.full((len(points) + BLOCK,), SIDE**2, dtype=torch.int16)
    inside = numbers[: len(points)].zero_()
    if side > 1:
        column, row = ((line - low).mul_(1 / step).to(torch.int16) for line in points.t())
        torch.add(column, row, alpha=side, out=inside)
    counts = torch.bincount(inside, minlength=side**2)
    used = counts.nonzero()[:, 0]
    centre = low + step * (torch.stack([used % side, used // side], dim=1).to(points.dtype) + 0.5)
    return Tiles(centre, step / 2, counts[used], _sorted(numbers))


def _sorted(numbers: Tensor) -> Tensor:
    """Return what sorts int16 numbers: on one thread NumPy is the faster one, by a third."""
    if torch.get_num_threads() > 1:
        return torch.sort(numbers, stable=True).indices
    return torch.from_numpy(np.argsort(numbers.numpy(), kind='stable'))


@dataclass
class Units:
    """What is known of the units of both hidden layers in each tile, as bool.

    Attributes:
        on: two times [R, W]; on everywhere in the tile.
        open: two times [R, W]; neither on nor off everywhere.
    """

    on: tuple[Tensor, Tensor]
    open: tuple[Tensor, Tensor]


def classify_units(tiles: Tiles, weight1: Tensor, bias1: Tensor, weight2: Tensor, bias2: Tensor) -> Units:
    """Return what is known of the units; arguments: the points' tiles, and weight and bias of the two layers."""
    reach = MARGIN * tiles.reach
    first = tiles.centre @ weight1.t() + bias1
    radius = weight1.abs().sum(dim=1) * reach + 1e-30
    # ReLU of an open unit u lies between slope * u and slope * u + gap.
    slope = ((first + radius) / (2 * radius)).clamp(0, 1)
    gap = (slope * (radius - first)).clamp_min(0)
    second = (slope * first + gap / 2) @ weight2.t() + bias2
    tilts = torch.stack([(slope * line @ weight2.t()).abs() for line in weight1.t()])
    radius2 = tilts.sum(dim=0) * reach + gap @ weight2.abs().t() / 2
    on, off = (first > radius, second > radius2), (first < -radius, second < -radius2)
    # A NaN is open.
    return Units(on, (~(on[0] | off[0]), ~(on[1] | off[1])))

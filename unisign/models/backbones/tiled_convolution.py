"""A temporal convolution with fewer products, four frames at a time: for the CPU.

Winograd's minimal filtering in one dimension. A kernel of r frames makes four frames from a tile of n = r + 3, which as
polynomials in n points take n products of channels instead of 4 r: for r = 5, 8 instead of 20. With frames d, kernel g
and the result y of a tile,

    y = A' [(G g) * (B' d)]

where A and G take the values of polynomials of degree 3 and r - 1 at n - 1 points and at infinity, B is the
interpolation from there, and ' transposes. Around the products, frames are mixed by small matrices, which is bound by
memory: so it pays for many channels only, and for pieces that a cache holds. In float32 the results are a few parts in
a million from those of the plain sum (which is nearer by a factor of eight or so); backward it computes exactly the
gradients of what it computes forward.

Sources: S. Winograd, "Arithmetic Complexity of Computations", 1980; A. Lavin and S. Gray, "Fast Algorithms for
Convolutional Neural Networks", CVPR 2016.

Shape letters: P points and sequences, N packed frames, T tiles, n frames a tile, C channels.
"""

from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unisign.models.backbones.lean_batch_norm import WIDE

TILE = 4
# More points, for longer kernels, would lose more digits.
POINTS = (0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5)
ONE = POINTS.index(1.0)  # where every coefficient counts alike
KERNEL_SIZES = (3, 5)
# With fewer channels the small matrices take what the products save.
LEAST_CHANNELS = 128


def can_tile(x: Tensor, kernel: Tensor, padding: Any) -> bool:
    """Tell whether frames ``x`` [..., N, C] are better convolved in tiles; ``kernel`` [C', C, 1, r]."""
    size = kernel.shape[-1]
    fits = size in KERNEL_SIZES and kernel.shape[-2] == 1 and tuple(padding) == (0, size // 2)
    return fits and x.device.type == 'cpu' and x.dtype in WIDE and min(kernel.shape[:2]) >= LEAST_CHANNELS


class TiledConvolution:
    """The convolution of some points' packed frames with one kernel, which sees zeros between the clips.

    Args:
        kernel: [C', C, 1, r], as of a convolution with padding r // 2.
        position: long [N]; the place of each packed frame on the timeline, see ``ClipTimeline``.
        length: frames of the timeline.
    """

    def __init__(self, kernel: Tensor, position: Tensor, length: int) -> None:
        self.size = kernel.shape[-1]
        self.evaluate, self.take_kernel, self.interpolate = matrices(self.size, kernel.dtype)
        self.weights = torch.einsum('nr,oir->nio', self.take_kernel, kernel[:, :, 0]).contiguous()
        self.of_weights: Tensor | None = None
        self.position, self.tiles = position, -(-length // TILE)
        self._indices: dict[int, _Indices] = {}

    def __call__(self, x: Tensor, bias: Tensor, out: Tensor) -> Tensor:
        """Convolve ``x`` [P, N, C] into ``out`` [P, N, C'], contiguous, and return it; ``bias`` [C']."""
        index = self._index(len(x))
        products = torch.bmm(self._values(x, index), self.weights)
        products[ONE] += bias
        made = torch.mm(self.evaluate.t(), products.flatten(1)).view(-1, products.shape[-1])
        torch.index_select(made, 0, index.made, out=out.view(-1, out.shape[-1]))
        return out

    def backward(self, grad: Tensor, x: Tensor, out: Tensor) -> Tensor:
        """Write the gradient of ``x`` [P, N, C] to ``out``, and add that of the kernel to ``of_weights``.

        Args:
            grad: [P, N, C'], of the result.
            x: what was convolved.
            out: contiguous; returned.
        """
        index = self._index(len(x))
        # Laid out as results are made: [4, P, T, C'].
        given = grad.new_zeros(TILE * len(x) * self.tiles, grad.shape[-1])
        given.index_copy_(0, index.made, grad.reshape(-1, grad.shape[-1]))
        of_products = torch.mm(self.evaluate, given.view(TILE, -1)).view(len(self.weights), -1, grad.shape[-1])
        values = self._values(x, index).transpose(1, 2)
        if self.of_weights is None:
            self.of_weights = torch.zeros_like(self.weights)
        torch.baddbmm(self.of_weights, values, of_products, out=self.of_weights)
        of_values = torch.bmm(of_products, self.weights.transpose(1, 2))
        of_slots = torch.mm(self.interpolate, of_values.flatten(1)).view(-1, x.shape[-1])
        flat = torch.index_select(of_slots, 0, index.slot, out=out.view(-1, out.shape[-1]))
        # A frame at a tile's edge is seen by the tile beside it too.
        flat += of_slots.index_select(0, index.other_slot).index_fill_(0, index.inner, 0)
        return out

    def of_kernel(self) -> Tensor:
        """Return the gradient of the kernel [C', C, 1, r] after all calls of ``backward``."""
        if self.of_weights is None:
            raise RuntimeError('of_kernel comes after backward.')
        return torch.einsum('nr,nio->oir', self.take_kernel, self.of_weights)[:, :, None]

    def _values(self, x: Tensor, index: '_Indices') -> Tensor:
        """Return the tiles' values at the points, [n, P * T, C]."""
        slots = x.reshape(-1, x.shape[-1]).index_select(0, index.source).index_fill_(0, index.empty, 0)
        values = torch.mm(self.interpolate.t(), slots.view(len(self.weights), -1))
        return values.view(len(self.weights), -1, x.shape[-1])

    def _index(self, points: int) -> '_Indices':
        if points not in self._indices:
            self._indices[points] = _Indices(points, self.position, self.tiles, self.size)
        return self._indices[points]


class _Indices:
    """Which frame goes where, for P points together.

    A tile has n slots, which overlap: r // 2 before its four frames and r // 2 behind them.

    Attributes:
        source: long [n * P * T]; the row of x [P * N] in each slot; any row in an empty one.
        empty: long; slots without a frame.
        made: long [P * N]; the row of each frame among the results [4 * P * T].
        slot: long [P * N]; the slot where a frame is one of its tile's own four.
        other_slot: long [P * N]; its slot in the tile beside; any slot if there is none.
        inner: long; frames without a slot beside.
    """

    def __init__(self, points: int, position: Tensor, tiles: int, size: int) -> None:
        reach, slots, frames = size // 2, size + TILE - 1, len(position)
        tile, own = position // TILE, position % TILE
        point = torch.arange(points, device=position.device)[:, None]

        def rows(which: Tensor, tile: Tensor) -> Tensor:
            return ((which * points + point) * tiles + tile).flatten()

        self.made, self.slot = rows(own, tile), rows(own + reach, tile)
        # Slot k of a tile is slot k + 4 of the tile before, and slot k - 4 of the tile behind.
        behind, before = own + reach >= TILE, own + reach + TILE < slots
        beside = torch.where(behind, tile + 1, tile - 1)
        seen = (behind | before) & (beside >= 0) & (beside < tiles)
        other = torch.where(behind, own + reach - TILE, own + reach + TILE)
        other_slot = rows(torch.where(seen, other, 0), torch.where(seen, beside, 0))
        self.other_slot, self.inner = other_slot, (~seen).repeat(points).nonzero()[:, 0]
        self.source = position.new_full((slots * points * tiles,), -1)
        of_x = (point * frames + torch.arange(frames, device=position.device)).flatten()
        self.source[self.slot] = of_x
        everywhere = seen.repeat(points)
        self.source[other_slot[everywhere]] = of_x[everywhere]
        self.empty = (self.source < 0).nonzero()[:, 0]
        self.source.clamp_(min=0)


@lru_cache
def matrices(size: int, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """Return A [n, 4], G [n, r] and B [n, n] for kernels of r = ``size`` frames."""
    slots = size + TILE - 1
    points = POINTS[: slots - 1]

    def values(count: int) -> np.ndarray:
        infinity = np.eye(count)[-1:]
        return np.concatenate([np.vander(points, count, increasing=True), infinity])

    rows: list[Any] = []
    for point in points:  # the polynomial that is 1 there and 0 at the other points
        others = [other for other in points if other != point]
        rows.append([*(np.poly(others) / np.prod([point - other for other in others]))[::-1], 0.0])
    rows.append(np.poly(points)[::-1])
    interpolate, take_kernel = np.array(rows), values(size)
    # What is multiplied should be of one size: the kernel, which is small, takes the factor.
    factors = np.abs(interpolate).max(axis=1, keepdims=True)
    found = values(TILE), take_kernel * factors, (interpolate / factors).T
    evaluate, kernel, inverse = (torch.tensor(np.ascontiguousarray(one), dtype=dtype, device='cpu') for one in found)
    return evaluate, kernel, inverse

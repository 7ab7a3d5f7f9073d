"""Memory for large tensors on the CPU, where that of one training step should serve the next.

The C library has a hole for a large tensor only by chance, for small things settle between what became free. Where it
has none, the process grows, and the system clears the new memory page by page.

- The gradients of the two tables of mT5's vocabulary take 0.7 GiB each: they lie in ``KeptBlocks``.
- Tensors that many steps of a pass make, of one size: ``gapless_empty``.
"""

import math
from collections.abc import Sequence
from typing import Any
from weakref import ref

import numpy as np
import torch
from torch import Tensor

# Bytes from which memory is kept.
LARGE = 64 << 20
# Bytes: PyTorch asks for addresses of this multiple, and glibc writes so many in front of each.
_ALIGNMENT, _HEADER = 64, 16


class KeptBlocks:
    """Blocks of memory, each lent to one tensor at a time.

    Attributes:
        blocks: all there are.
    """

    def __init__(self) -> None:
        self.blocks: list[_Block] = []

    def empty(self, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        """Return a tensor with any values. Its memory is free for the next when no tensor refers to it any more.

        If no free block is large enough, a new one takes the place of those that are free.
        """
        size = math.prod(shape) * dtype.itemsize
        fitting = [block for block in self.blocks if block.is_free() and block.size >= size]
        if fitting:
            block = min(fitting, key=lambda block: block.size)
        else:
            self.give_back()
            block = _Block(size)
            self.blocks.append(block)
        return block.lend(size).view(dtype).view(*shape)

    def give_back(self) -> None:
        """Give what is free back to the system."""
        self.blocks = [block for block in self.blocks if not block.is_free()]

    def held_bytes(self) -> int:
        """Return the size of all blocks."""
        return sum(block.size for block in self.blocks)


class _Block:
    """Memory of one tensor at a time."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._memory = np.empty(size + _ALIGNMENT, np.uint8)
        start = -self._memory.ctypes.data % _ALIGNMENT
        self._memory = self._memory[start : start + size]
        self._lent: ref[Any] | None = None

    def place(self) -> int:
        """Return its address."""
        return self._memory.ctypes.data

    def is_free(self) -> bool:
        return self._lent is None or self._lent() is None

    def lend(self, size: int) -> Tensor:
        """Return its first bytes. All tensors made of them keep ``part`` alive, however they came about."""
        part = self._memory[:size]
        self._lent = ref(part)
        return torch.from_numpy(part)


_kept = KeptBlocks()


def give_back() -> None:
    """Give kept memory that no tensor uses back to the system."""
    _kept.give_back()


def is_large(shape: Sequence[int], dtype: torch.dtype, device: torch.device) -> bool:
    """Tell whether ``large_empty`` keeps the memory of such a tensor."""
    return device.type == 'cpu' and math.prod(shape) * dtype.itemsize >= LARGE


def large_empty(shape: Sequence[int], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return ``torch.empty(shape)``, on the CPU in kept memory if it is large."""
    if is_large(shape, dtype, device):
        return _kept.empty(shape, dtype)
    return torch.empty(shape, dtype=dtype, device=device)


def gapless_empty(shape: Sequence[int], like: Tensor) -> Tensor:
    """Return ``like.new_empty(shape)``, in memory that glibc can put right behind another such.

    After a multiple of 64 bytes it leaves a gap of 48 to the next aligned address. A small thing settles there, and two
    neighbours that became free are not one hole; nor does a tensor of the same size fit into either, for it is looked
    for with the gap. With 48 bytes more than a multiple of 64 there is no gap.
    """
    count, width = math.prod(shape), like.dtype.itemsize
    more = (-_HEADER - count * width) % _ALIGNMENT // width
    return like.new_empty(count + more)[:count].view(*shape)

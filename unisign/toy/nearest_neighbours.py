"""Nearest neighbours under dynamic time warping: what one gets by comparing with every training clip."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

NEIGHBOURS = 5


def dtw_distances(query: np.ndarray, bank: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Return the dynamic-time-warping distance [N] of one clip to each clip of a bank.

    Steps go to the next frame of either clip or of both; the cost of a pair of frames is their Euclidean distance; the
    sum along the cheapest path is divided by the two lengths (Sakoe and Chiba, 1978, without their weights).

    Args:
        query: float32 [Q, D].
        bank: float32 [N, T, D], clips padded to T frames with anything.
        lengths: int [N], true frames of each clip.
    """
    clips, frames, size = bank.shape
    products = (bank.reshape(-1, size) @ query.T).reshape(clips, frames, len(query))
    squares = (bank**2).sum(axis=-1)[..., None] + (query**2).sum(axis=-1) - 2 * products
    costs = np.sqrt(np.maximum(squares, 0)).transpose(2, 1, 0).copy()  # [Q, T, N]: clips lie next to each other
    above = np.cumsum(costs[0], axis=0)
    for row in costs[1:]:
        best = np.minimum(above[1:], above[:-1])
        current = np.empty_like(above)
        current[0] = above[0] + row[0]
        for frame in range(1, frames):
            current[frame] = np.minimum(best[frame - 1], current[frame - 1]) + row[frame]
        above = current
    return above[lengths - 1, np.arange(clips)] / (lengths + len(query))


def vote(distances: np.ndarray, labels: Sequence[str], neighbours: int = NEIGHBOURS) -> str:
    """Return the commonest label of the nearest clips; of equally common ones that of the nearest clip."""
    nearest = [labels[index] for index in np.argsort(distances, kind='stable')[:neighbours]]
    counts = Counter(nearest)
    return max(nearest, key=lambda label: counts[label])


def pad_clips(clips: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return clips [T_i, D] as one float32 array [N, T, D], padded with zeros, and their lengths [N]."""
    lengths = np.array([len(clip) for clip in clips])
    bank = np.zeros((len(clips), lengths.max(), clips[0].shape[1]), dtype=np.float32)
    for index, clip in enumerate(clips):
        bank[index, : len(clip)] = clip
    return bank, lengths

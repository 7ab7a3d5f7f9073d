"""Skeleton edges as the adjacency matrices a graph convolution starts from."""

from collections.abc import Sequence

import torch
from torch import Tensor

NUM_HOPS = 2


def hop_adjacency(num_points: int, edges: Sequence[tuple[int, int]]) -> Tensor:
    """Return the column-normalised adjacency A D^-1 with self loops, split by distance.

    Source: spec.md section 3; the distance partition of ST-GCN (Yan et al., AAAI 2018) at hops 0 and 1.

    Args:
        num_points: V, points of the part.
        edges: undirected edges between local point ids.

    Returns:
        float32 [2, V, V], indexed [hop, source, target]: hop 0 is the diagonal, hop 1 the rest. Each column of their
        sum adds up to 1.
    """
    adjacency = torch.eye(num_points)
    for a, b in edges:
        adjacency[a, b] = adjacency[b, a] = 1.0
    adjacency = adjacency / adjacency.sum(dim=0)
    itself = torch.diag(adjacency.diagonal())
    return torch.stack([itself, adjacency - itself])

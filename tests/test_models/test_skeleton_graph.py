import pytest
import torch

from unisign.models.backbones.skeleton_graph import hop_adjacency
from unisign.structures import PARTS


def test_chain_of_three_by_hand() -> None:
    hops = hop_adjacency(3, [(0, 1), (1, 2)])
    assert torch.allclose(hops[0], torch.diag(torch.tensor([1 / 2, 1 / 3, 1 / 2])))
    # [source, target]: the middle point takes a third of each end, an end half of the middle.
    assert torch.allclose(hops[1], torch.tensor([[0, 1 / 3, 0], [1 / 2, 0, 1 / 2], [0, 1 / 3, 0]]))


@pytest.mark.parametrize('name', PARTS)
def test_every_target_receives_a_mean(name: str) -> None:
    hops = hop_adjacency(len(PARTS[name]), PARTS[name].edges)
    assert torch.allclose(hops.sum(dim=(0, 1)), torch.ones(len(PARTS[name])))
    assert not hops[1].diagonal().any()

"""The largest of very many values, against ``topk``."""

import pytest
import torch

from unisign.models.heads.wide_top import BLOCK, wide_top


@pytest.mark.parametrize('length', [3, 20 * BLOCK, 20 * BLOCK + 1, 21 * BLOCK - 1])
def test_what_topk_finds(length: int) -> None:
    values = torch.randperm(2 * 3 * length).view(2, 3, length).float()
    top, places = wide_top(values, 4)
    expected = values.topk(min(4, length), dim=-1)
    assert torch.equal(top, expected.values)
    assert torch.equal(places, expected.indices)


def test_all_in_one_block_or_behind_the_last_one() -> None:
    values = torch.zeros(1, 20 * BLOCK + 3)
    values[0, 5 * BLOCK : 5 * BLOCK + 3] = torch.tensor([7.0, 9.0, 8.0])
    values[0, -1] = 6
    top, places = wide_top(values, 4)
    assert top.tolist() == [[9, 8, 7, 6]]
    assert places.tolist() == [[5 * BLOCK + 1, 5 * BLOCK + 2, 5 * BLOCK, 20 * BLOCK + 2]]


def test_impossible_values() -> None:
    values = torch.full((20 * BLOCK,), float('-inf'))
    values[[3, 700]] = torch.tensor([-2.0, -1.0])
    top, places = wide_top(values, 3)
    assert top.tolist() == [-1, -2, float('-inf')]
    assert places[:2].tolist() == [700, 3]

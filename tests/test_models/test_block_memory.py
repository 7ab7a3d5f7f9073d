"""Memory for large tensors: lent to one at a time, and holes that a tensor of the same size fits into."""

import pytest
import torch
from torch import nn

from unisign.models import block_memory
from unisign.models.block_memory import KeptBlocks, gapless_empty, large_empty
from unisign.models.heads.token_look_up import look_up
from unisign.models.losses import linear_cross_entropy


@pytest.fixture
def kept(monkeypatch) -> KeptBlocks:
    """Return what large tensors of this test lie in; large are those of a table of 32 tokens."""
    blocks = KeptBlocks()
    monkeypatch.setattr(block_memory, '_kept', blocks)
    monkeypatch.setattr(block_memory, 'LARGE', 32 * 4 * 4)
    return blocks


def test_memory_is_lent_again_when_nothing_refers_to_it() -> None:
    blocks = KeptBlocks()
    first = blocks.empty((4, 6), torch.float32)
    place, row = first.data_ptr(), first[1]
    del first
    second = blocks.empty((4, 6), torch.float32)  # a row of the first one is still there
    assert second.data_ptr() != place and place % 64 == 0
    del row
    third = blocks.empty((2, 3), torch.bfloat16)
    assert third.data_ptr() == place and third.shape == (2, 3) and third.dtype == torch.bfloat16
    assert blocks.held_bytes() == 2 * 96


def test_a_larger_block_takes_the_place_of_free_ones() -> None:
    blocks = KeptBlocks()
    blocks.empty((8,), torch.float32)
    blocks.empty((16,), torch.float32)
    assert blocks.held_bytes() == 64


def test_only_free_memory_is_given_back(kept) -> None:
    used = large_empty((32, 4), torch.float32, torch.device('cpu'))
    large_empty((64, 4), torch.float32, torch.device('cpu'))
    assert kept.held_bytes() == 1536
    block_memory.give_back()
    assert kept.held_bytes() == used.nbytes == 512


def test_small_tensors_are_pytorchs_own(kept) -> None:
    assert large_empty((31, 4), torch.float32, torch.device('cpu')).shape == (31, 4)
    assert kept.held_bytes() == 0
    assert large_empty((32, 4), torch.float32, torch.device('meta')).device.type == 'meta'


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_gapless_sizes(dtype: torch.dtype) -> None:
    for shape in ((3, 5, 7), (0, 4), (16, 4)):
        tensor = gapless_empty(shape, torch.empty(1, dtype=dtype))
        assert tensor.shape == shape and tensor.dtype == dtype and tensor.is_contiguous()
        assert tensor.untyped_storage().nbytes() % 64 == 48


def table() -> nn.Embedding:
    return nn.Embedding(32, 4)


def test_steps_with_kept_gradients(kept) -> None:
    """Look-up and loss as PyTorch has them, over three steps, of which two add up."""
    tokens, targets = torch.tensor([3, 1, 3]), torch.tensor([0, 5, 31])
    ours, plain = table(), table()
    plain.load_state_dict(ours.state_dict())
    held = []
    for step in range(3):
        loss = linear_cross_entropy(look_up(ours, tokens), ours.weight.detach(), targets, 0.1).loss
        loss.backward()
        nn.functional.cross_entropy(plain(tokens) @ plain.weight.detach().t(), targets, label_smoothing=0.1).backward()
        assert torch.allclose(ours.weight.grad, plain.weight.grad, atol=1e-6)
        held.append(kept.held_bytes())
        if step != 1:
            ours.weight.grad = plain.weight.grad = None
    assert held[0] == 32 * 4 * 4 and held[2] == 2 * held[0]  # one for the sum, one for what is added to it


def test_the_gradients_are_handed_over_not_copied(kept) -> None:
    output, embedding = nn.Linear(4, 32, bias=False), table()
    for _ in range(2):
        output.weight.grad = embedding.weight.grad = None
        hidden = look_up(embedding, torch.tensor([0, 1]))
        linear_cross_entropy(hidden, output.weight, torch.tensor([2, 3])).loss.backward()
        places = {block.place() for block in kept.blocks}
        assert {output.weight.grad.data_ptr(), embedding.weight.grad.data_ptr()} == places


@pytest.mark.parametrize(
    'options', [dict(padding_idx=1), dict(sparse=True), dict(max_norm=1.0), dict(scale_grad_by_freq=True)]
)
def test_a_look_up_with_options_is_pytorchs(options, kept) -> None:
    embedding = nn.Embedding(32, 4, **options)
    look_up(embedding, torch.tensor([1, 2])).sum().backward()
    assert kept.held_bytes() == 0
    assert embedding.weight.grad.is_sparse == options.get('sparse', False)


def test_a_hook_on_the_table_is_called(kept) -> None:
    embedding, calls = table(), []
    embedding.register_forward_hook(lambda *_: calls.append(1))
    look_up(embedding, torch.tensor([1]))
    assert calls


def test_a_frozen_table_has_no_gradient(kept) -> None:
    embedding = table().requires_grad_(False)
    assert not look_up(embedding, torch.tensor([1])).requires_grad

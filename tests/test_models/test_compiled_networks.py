"""The pose encoder through ``torch.compile``: compiled once for all lengths, with the same results.

``counting_backend`` runs the captured graphs as they are, so that no C++ compiler is needed.
"""

import copy

import pytest
import torch
from counting_backend import Counting
from settling import settle

from unisign.models import PartGCNEncoder
from unisign.structures import PARTS

BATCHES = ((7, 5), (9, 9), (12, 3), (15,), (21, 4, 5, 6), (8, 8))


def encoder(**arguments) -> PartGCNEncoder:
    torch.manual_seed(0)
    sizes = dict(embed_channels=4, spatial_channels=(4, 6), temporal_channels=(6, 8), out_channels=10)
    return settle(PartGCNEncoder(**sizes, **arguments))


def batch(lengths: tuple[int, ...]) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    longest = max(lengths, default=0)
    mask = torch.arange(longest) < torch.tensor(lengths, dtype=torch.long)[:, None]
    parts = {name: torch.rand(len(lengths), longest, len(part), 3) for name, part in PARTS.items()}
    return parts, mask


@pytest.mark.slow
def test_training_compiles_two_graphs_for_all_lengths(backend: Counting) -> None:
    plain, compiled = encoder().train(), encoder().train()
    compiled.compile_networks(backend=backend)
    for lengths in BATCHES:
        inputs = batch(lengths)
        outs = [model(*inputs) for model in (plain, compiled)]
        assert torch.allclose(*outs, atol=1e-5)
        given = torch.randn_like(outs[0])
        expected, found = (
            torch.autograd.grad(out, list(model.parameters()), given)
            for out, model in zip(outs, (plain, compiled), strict=True)
        )
        for a, b in zip(expected, found, strict=True):
            assert (a - b).abs().max() < 1e-4 * max(1, b.abs().max())
    assert backend.count == 2  # the spatial networks and the temporal ones
    for (name, a), b in zip(plain.named_buffers(), compiled.buffers(), strict=True):
        assert torch.allclose(a.float(), b.float(), atol=1e-5), name
    assert plain.state_dict().keys() == compiled.state_dict().keys()


@torch.no_grad()
def test_evaluation_compiles_two_more(backend: Counting) -> None:
    plain, compiled = encoder(), encoder()
    compiled.compile_networks(backend=backend)
    for lengths in BATCHES:
        inputs = batch(lengths)
        assert torch.allclose(plain(*inputs), compiled(*inputs), atol=1e-5)
    assert backend.count == 2


def test_what_is_not_compiled(backend: Counting) -> None:
    compiled = encoder(with_cp=True).train()
    compiled.compile_networks(backend=backend)
    compiled(*batch((4, 3))).sum().backward()
    compiled.with_cp = False
    for lengths in ((), (0, 0), (1,)):
        compiled(*batch(lengths)).sum().backward()
    assert backend.count == 0


@pytest.mark.slow
def test_a_copy_runs_with_its_own_weights(backend: Counting) -> None:
    """As an average of the weights does, which MMEngine keeps in a copy of the model."""
    compiled = encoder()
    compiled.compile_networks(backend=backend)
    inputs = batch((6, 4))
    before = compiled(*inputs)
    twin = copy.deepcopy(compiled)
    with torch.no_grad():
        for weight in twin.parameters():
            weight.zero_()
    assert not twin(*inputs).any()
    assert torch.equal(compiled(*inputs), before)


@pytest.mark.slow
def test_under_autocast(backend: Counting) -> None:
    plain, compiled = encoder().train(), encoder().train()
    compiled.compile_networks(backend=backend)
    inputs = batch((9, 5))
    with torch.autocast('cpu', dtype=torch.bfloat16):
        expected, found = plain(*inputs), compiled(*inputs)
    assert found.dtype == torch.bfloat16 and backend.count == 2
    assert torch.allclose(found.float(), expected.float(), atol=0.1)

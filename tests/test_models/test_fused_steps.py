"""The pose encoder in training with compiled passes over memory: compiled once for all lengths, with the same results.

``counting_backend`` runs the captured graphs as they are, so that no C++ compiler is needed but for one test.
"""

import copy
import shutil

import pytest
import torch
from counting_backend import Counting
from settling import settle

from unisign.models import PartGCNEncoder
from unisign.structures import PARTS

BATCHES = ((7, 5), (9, 9), (12, 3), (21, 4, 5, 6), (8, 8))


def encoder(**arguments) -> PartGCNEncoder:
    torch.manual_seed(0)
    sizes = dict(embed_channels=4, spatial_channels=(4, 6), temporal_channels=(6, 8), out_channels=10)
    return settle(PartGCNEncoder(**sizes, **arguments)).double()


def batch(lengths: tuple[int, ...]) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    longest = max(lengths, default=0)
    mask = torch.arange(longest) < torch.tensor(lengths, dtype=torch.long)[:, None]
    parts = {name: torch.rand(len(lengths), longest, len(part), 3, dtype=torch.float64) for name, part in PARTS.items()}
    return parts, mask


def assert_alike(plain: PartGCNEncoder, compiled: PartGCNEncoder, lengths: tuple[int, ...]) -> None:
    """Compare results, gradients and running statistics of a batch in training."""
    inputs = batch(lengths)
    outs = [model(*inputs) for model in (plain, compiled)]
    assert torch.allclose(*outs, atol=1e-10)
    given = torch.randn_like(outs[0])
    expected, found = (
        torch.autograd.grad(out, list(model.parameters()), given)
        for out, model in zip(outs, (plain, compiled), strict=True)
    )
    for a, b in zip(expected, found, strict=True):
        assert torch.allclose(a, b, rtol=0, atol=1e-8)
    for (name, a), b in zip(plain.named_buffers(), compiled.buffers(), strict=True):
        assert torch.allclose(a, b, atol=1e-12), name


@pytest.mark.slow
def test_all_lengths_share_the_graphs_of_a_width(backend: Counting) -> None:
    plain, compiled = encoder().train(), encoder().train()
    compiled.compile_networks(backend=backend)
    counts = []
    for lengths in BATCHES:
        assert_alike(plain, compiled, lengths)
        counts.append(backend.count)
    assert counts[0] == counts[-1], counts
    assert plain.state_dict().keys() == compiled.state_dict().keys()


@pytest.mark.slow
def test_activation_checkpointing(backend: Counting) -> None:
    plain, compiled = encoder().train(), encoder(with_cp=True).train()
    compiled.compile_networks(backend=backend)
    assert_alike(plain, compiled, (6, 4))
    assert backend.count > 0


@torch.no_grad()
def test_evaluation_and_batches_without_frames_are_not_compiled(backend: Counting) -> None:
    plain, compiled = encoder(), encoder()
    compiled.compile_networks(backend=backend)
    inputs = batch((7, 5))
    assert torch.equal(plain(*inputs), compiled(*inputs))
    with torch.enable_grad():
        for lengths in ((), (0, 0)):
            compiled.train()(*batch(lengths)).sum().backward()
    assert backend.count == 0


def test_a_batch_of_one_frame(backend: Counting) -> None:
    plain, compiled = encoder().train(), encoder().train()
    compiled.compile_networks(backend=backend)
    assert_alike(plain, compiled, (1,))


def test_a_copy_runs_with_its_own_weights(backend: Counting) -> None:
    """As an average of the weights does, which MMEngine keeps in a copy of the model."""
    compiled = encoder().train()
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
@pytest.mark.skipif(shutil.which('g++') is None, reason='torch.compile needs g++ on the CPU')
def test_compiled_in_earnest() -> None:
    torch.compiler.reset()
    plain, compiled = encoder().train(), encoder().train()
    compiled.compile_networks()
    for lengths in ((7, 5), (12, 3)):
        assert_alike(plain, compiled, lengths)

"""The steps with gradients of their own, for all points at once and for some at a time: against PyTorch's, and what
they keep."""

from collections.abc import Callable, Iterable

import pytest
import torch
from torch import nn

from unisign.models.backbones import cached_steps, graph_block, lean_steps, tiled_convolution
from unisign.models.backbones.clip_timeline import ClipTimeline
from unisign.models.backbones.fused_steps import FusedSteps
from unisign.models.backbones.graph_block import GraphBlock
from unisign.models.backbones.skeleton_graph import hop_adjacency

POINTS, SIDES, CHANNELS = 4, 2, 3
MASK = torch.tensor([[1, 1, 1, 0], [1, 1, 1, 1]], dtype=torch.bool)
FRAMES = int(MASK.sum())


@pytest.mark.parametrize('steps', [lean_steps, cached_steps])
def test_mixed_points_by_hand(steps) -> None:
    # Two points, one hop: w_0 = 1 * (2 x_0 + 1) + 3 * (2 x_1 + 1), w_1 = 4 * (2 x_1 + 1).
    x = torch.tensor([[[10.0]], [[20.0]]])
    adjacency, weight, bias = torch.tensor([[[1.0, 0.0], [3.0, 4.0]]]), torch.tensor([[[2.0]]]), torch.tensor([[1.0]])
    assert steps.MixPoints.apply(x, adjacency, weight, bias).flatten().tolist() == [21 + 3 * 41, 4 * 41]


@pytest.mark.parametrize('steps', [lean_steps, cached_steps])
def test_gradients_of_mixed_points(steps, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cached_steps, 'VALUES', 3 * 2 * 3 * 2)  # three frames, and the fourth
    sizes = ((3, 4, 2), (2, 3, 3), (2, 5, 2), (2, 5))
    tensors = [torch.randn(size, dtype=torch.float64, requires_grad=True) for size in sizes]
    assert torch.autograd.gradcheck(steps.MixPoints.apply, tensors)


WAYS = [
    'all points',
    'points in one go',
    'three points, one point',
    'a point at a time',
    'in tiles',
    'in tiles, a point',
    'compiled',
]


@pytest.fixture(params=WAYS)
def ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, blocks) -> None:
    """Have blocks computed for all points at once, as on a GPU, or for some at a time."""
    if request.param == 'compiled':
        torch.compiler.reset()
        blocks[0].fused = FusedSteps(dict(backend='eager'))
    if request.param == 'all points':
        monkeypatch.setattr(graph_block, 'cached_steps', lean_steps)
    if 'in tiles' in request.param:
        monkeypatch.setattr(tiled_convolution, 'LEAST_CHANNELS', 1)
    values = {'three points, one point': 3 * SIDES * FRAMES * CHANNELS, 'a point at a time': 1, 'in tiles, a point': 1}
    for name in ('VALUES', 'FRAME_VALUES'):
        monkeypatch.setattr(cached_steps, name, values.get(request.param, getattr(cached_steps, name)))


@pytest.fixture(params=['temporal', 'spatial, wider', 'spatial, same width'])
def blocks(request: pytest.FixtureRequest) -> tuple[GraphBlock, GraphBlock]:
    """A block, and one with the same weights that goes PyTorch's way."""
    width = 5 if 'wider' in request.param else CHANNELS
    kernel = 3 if request.param == 'temporal' else None
    adjacency = hop_adjacency(POINTS, [(0, 1), (1, 2), (1, 3)])
    lean, plain = (GraphBlock(CHANNELS, width, adjacency, kernel).double() for _ in range(2))
    with torch.no_grad():
        for weight in lean.parameters():
            weight.add_(0.3 * torch.randn_like(weight))
    plain.load_state_dict(lean.state_dict())
    plain._is_plain = lambda *args: False
    return lean, plain


def run(block: GraphBlock, x: torch.Tensor, given: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
    x = x.clone().requires_grad_()
    out = block(x, ClipTimeline(MASK, gap=1))
    return out, torch.autograd.grad(out, [x, *block.parameters()], given)


@pytest.mark.parametrize('training', [True, False])
def test_block_as_pytorch_computes_it(blocks, ways, training: bool) -> None:
    x = torch.randn(POINTS, SIDES, FRAMES, CHANNELS, dtype=torch.float64)
    given = torch.randn(POINTS, SIDES, FRAMES, blocks[0].graph_norm.num_features, dtype=torch.float64)
    results = [run(block.train(training), x, given) for block in blocks]
    (out, gradients), (expected, wanted) = results
    assert torch.allclose(out, expected, rtol=0, atol=1e-12)
    for a, b in zip(gradients, wanted, strict=True):
        assert torch.allclose(a, b, rtol=0, atol=1e-11)
    assert sum(bool((b.abs() > 1e-3).any()) for b in wanted) >= len(wanted) - 3  # a bias before a batch norm has none
    for (name, a), b in zip(blocks[0].state_dict().items(), blocks[1].state_dict().values(), strict=True):
        assert torch.allclose(a, b, rtol=0, atol=1e-12), name
    if training:
        assert blocks[0].graph_norm.num_batches_tracked == 1


@torch.no_grad()
@pytest.mark.parametrize('least_channels', [1, 128])
def test_folded_batch_norms(blocks, monkeypatch: pytest.MonkeyPatch, least_channels: int) -> None:
    monkeypatch.setattr(tiled_convolution, 'LEAST_CHANNELS', least_channels)
    for block in blocks:
        for norm in (module for module in block.modules() if isinstance(module, nn.BatchNorm2d)):
            norm.running_mean.copy_(torch.linspace(-1, 1, norm.num_features))
            norm.running_var.copy_(torch.linspace(0.5, 2, norm.num_features))
    x = torch.randn(POINTS, SIDES, FRAMES, CHANNELS, dtype=torch.float64)
    folded, expected = (block.eval()(x, ClipTimeline(MASK, gap=1)) for block in blocks)
    assert torch.allclose(folded, expected, rtol=0, atol=1e-12)
    assert expected.any()


def test_statistics_averaged_over_all_batches(blocks, ways) -> None:
    for block in blocks:
        for norm in (module for module in block.modules() if isinstance(module, nn.BatchNorm2d)):
            norm.momentum = None
    for _ in range(3):
        x = torch.randn(POINTS, SIDES, FRAMES, CHANNELS, dtype=torch.float64)
        for block in blocks:
            block.train()(x, ClipTimeline(MASK, gap=1))
    for (name, a), b in zip(blocks[0].state_dict().items(), blocks[1].state_dict().values(), strict=True):
        assert torch.allclose(a, b, rtol=0, atol=1e-12), name


def test_less_is_kept(blocks, ways) -> None:
    x = torch.randn(POINTS, SIDES, FRAMES, CHANNELS, dtype=torch.float64, requires_grad=True)
    lean, plain = (
        kept_values(lambda block=block: block.train()(x, ClipTimeline(MASK, gap=1)), block.parameters())
        for block in blocks
    )
    assert lean < 0.7 * plain


def kept_values(compute: Callable[[], torch.Tensor], weights: Iterable[torch.Tensor] = ()) -> int:
    """Return how many bytes are kept for the backward pass, each piece of memory once, that of ``weights`` left out."""
    known = {weight.untyped_storage().data_ptr() for weight in weights}
    storages = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in known:
            storages[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        out = compute()
    assert out.requires_grad
    return sum(storages.values())

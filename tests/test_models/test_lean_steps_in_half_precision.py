"""The steps of a graph block under autocast: as exact as PyTorch's own way, and with less kept between the passes."""

import pytest
import torch
from test_lean_steps import kept_values
from torch import nn

from unisign.models import PartGCNEncoder
from unisign.models.backbones.clip_timeline import ClipTimeline
from unisign.models.backbones.fused_steps import FusedSteps
from unisign.models.backbones.graph_block import GraphBlock
from unisign.models.backbones.lean_steps import MixPoints
from unisign.models.backbones.skeleton_graph import hop_adjacency
from unisign.structures import PARTS

POINTS, SIDES, CHANNELS = 4, 2, 16
MASK = torch.tensor([[1] * 600, [1] * 400 + [0] * 200], dtype=torch.bool)  # many: a ReLU that flips weighs little
FRAMES = int(MASK.sum())
KINDS = ('temporal', 'spatial, wider', 'spatial, same width')
COMPILED = [f'{kind}, compiled' for kind in KINDS]


@pytest.fixture(params=[*KINDS, *COMPILED])
def blocks(request: pytest.FixtureRequest) -> dict[str, GraphBlock]:
    """The same block three times: lean, PyTorch's way, and in float64 for the exact result."""
    torch.manual_seed(0)
    width = 24 if 'wider' in request.param else CHANNELS
    kernel = 3 if 'temporal' in request.param else None
    adjacency = hop_adjacency(POINTS, [(0, 1), (1, 2), (1, 3)])
    made = {name: GraphBlock(CHANNELS, width, adjacency, kernel) for name in ('lean', 'plain', 'exact')}
    with torch.no_grad():
        for weight in made['lean'].parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    for block in made.values():
        block.load_state_dict(made['lean'].state_dict())
    made['plain']._is_plain = lambda *args: False
    made['exact'].double()
    if 'compiled' in request.param:
        torch.compiler.reset()
        made['lean'].fused = FusedSteps(dict(backend='eager'))
    return made


def run(block: GraphBlock, x: torch.Tensor, given: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Return the result under autocast, and the gradients; the backward pass runs outside of it."""
    x = x.clone().requires_grad_()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        out = block(x, ClipTimeline(MASK, gap=1))
    return out, torch.autograd.grad(out, [x, *block.parameters()], given.to(out.dtype))


@pytest.mark.parametrize('training', [True, False])
@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
def test_block_as_exact_as_pytorchs(blocks, training: bool, dtype: torch.dtype) -> None:
    x = torch.randn(POINTS, SIDES, FRAMES, CHANNELS).bfloat16().to(dtype)
    given = torch.randn(POINTS, SIDES, FRAMES, blocks['lean'].graph_norm.num_features).bfloat16()
    lean, plain = (run(blocks[name].train(training), x, given) for name in ('lean', 'plain'))
    exact = run(blocks['exact'].train(training), x.double(), given)
    assert lean[0].dtype == torch.bfloat16
    wanted = [x.dtype, *[torch.float32] * (len(plain[1]) - 1)]
    assert [one.dtype for one in lean[1]] == [one.dtype for one in plain[1]] == wanted
    assert distance(lean[0], exact[0]) < 0.005
    names = ['x', *dict(blocks['lean'].named_parameters())]
    for name, a, b, c in zip(names, lean[1], plain[1], exact[1], strict=True):
        if c.abs().max() < 1e-6:  # a bias before a batch norm: nothing but rounding
            assert a.abs().max() < 0.01 * FRAMES, name
        else:
            assert distance(a, c) < 1.5 * distance(b, c) + 0.005 < 0.2, name
    for (name, a), b in zip(blocks['lean'].named_buffers(), blocks['exact'].buffers(), strict=True):
        assert torch.allclose(a.double(), b.double(), rtol=0.01, atol=0.002), name


def distance(a: torch.Tensor, b: torch.Tensor) -> float:
    """Return the length of the difference, relative to that of ``b``."""
    return ((a.double() - b.double()).norm() / b.double().norm()).item()


@torch.no_grad()
def test_evaluation(blocks) -> None:
    x = torch.randn(POINTS, SIDES, FRAMES, CHANNELS)
    for block in blocks.values():
        for norm in (module for module in block.modules() if isinstance(module, nn.BatchNorm2d)):
            norm.running_mean.copy_(torch.linspace(-1, 1, norm.num_features))
            norm.running_var.copy_(torch.linspace(0.5, 2, norm.num_features))
    exact = blocks['exact'].eval()(x.double(), ClipTimeline(MASK, gap=1))
    with torch.autocast('cpu', dtype=torch.bfloat16):
        lean, plain = (blocks[name].eval()(x, ClipTimeline(MASK, gap=1)) for name in ('lean', 'plain'))
    assert lean.dtype == torch.bfloat16
    assert distance(lean, exact) < 0.005 and distance(plain, exact) < 0.005


def test_half_of_what_is_kept(blocks) -> None:
    """What grows with the frames is half as large as in float32, and less than what PyTorch keeps under autocast."""
    timeline = ClipTimeline(MASK, gap=1)

    def kept(name: str, dtype: torch.dtype) -> int:
        x = torch.randn(POINTS, SIDES, FRAMES, CHANNELS, dtype=dtype, requires_grad=True)
        block = blocks[name].train()
        with torch.autocast('cpu', dtype=torch.bfloat16, enabled=dtype is torch.bfloat16):
            return kept_values(lambda: block(x, timeline), block.parameters())

    assert kept('lean', torch.bfloat16) < 0.6 * kept('plain', torch.bfloat16)
    assert kept('lean', torch.bfloat16) < 0.55 * kept('lean', torch.float32)


def test_backward_pass_under_autocast_is_the_same() -> None:
    torch.manual_seed(0)
    sizes = ((3, 40, 8), (2, 3, 3), (2, 6, 8), (2, 6))
    tensors = [torch.randn(size, requires_grad=True) for size in sizes]
    given = torch.randn(3, 40, 6)

    def gradients(autocast: bool) -> tuple[torch.Tensor, ...]:
        out = MixPoints.apply(*tensors)
        with torch.autocast('cpu', dtype=torch.bfloat16, enabled=autocast):
            return torch.autograd.grad(out, tensors, given)

    assert all(torch.equal(a, b) for a, b in zip(gradients(True), gradients(False), strict=True))


@pytest.mark.parametrize('with_cp', [False, True])
def test_pose_encoder_learns_the_same(monkeypatch: pytest.MonkeyPatch, with_cp: bool) -> None:
    torch.manual_seed(0)
    sizes = dict(embed_channels=8, spatial_channels=(8, 16), temporal_channels=(16, 24), out_channels=16)
    encoder = PartGCNEncoder(**sizes, with_cp=with_cp).train()
    parts = {name: torch.rand(*MASK.shape, len(part), 3) for name, part in PARTS.items()}
    given = encoder(parts, MASK).detach()  # the loss is half the square of the output

    def gradients(dtype: torch.dtype) -> torch.Tensor:
        with torch.autocast('cpu', dtype=dtype, enabled=dtype is not torch.float32):
            out = encoder(parts, MASK)
        wanted = [weight for name, weight in encoder.named_parameters() if 'bias' not in name]
        return torch.cat([grad.flatten() for grad in torch.autograd.grad(out, wanted, given.to(out.dtype))])

    exact, lean = gradients(torch.float32), gradients(torch.bfloat16)
    monkeypatch.setattr(GraphBlock, '_is_plain', lambda *args: False)
    plain = gradients(torch.bfloat16)
    assert distance(lean, exact) < 1.3 * distance(plain, exact) < 0.3

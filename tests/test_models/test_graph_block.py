import pytest
import torch
import torch.nn.functional as F
from settling import settle

from unisign.models.backbones.clip_timeline import ClipTimeline
from unisign.models.backbones.graph_block import GraphBlock, apply_batch_norm

POINTS, FRAMES = 5, 7


def literal(block: GraphBlock, x: torch.Tensor) -> torch.Tensor:
    """Spec.md, section 3, formula by formula: [1, C, T, V] -> [1, C, T, V], one clip."""
    y = F.conv2d(x, block.graph_conv.weight, block.graph_conv.bias).unflatten(1, (2, -1))
    y = torch.einsum('nkctv,kvw->nctw', y, block.adjacency)
    y = F.relu(block.graph_norm(y))
    if block.temporal_conv is not None:
        weight = block.temporal_conv.weight.transpose(2, 3)
        y = block.temporal_norm(F.conv2d(y, weight, block.temporal_conv.bias, padding=(2, 0)))
    if block.residual_conv is not None:
        x = block.residual_norm(block.residual_conv(x))
    return F.relu(y + x)


@pytest.mark.parametrize('channels', [(4, 4), (4, 6)])
@pytest.mark.parametrize('temporal_kernel', [None, 5])
@pytest.mark.parametrize('training', [False, True])
def test_block_is_the_formula(channels: tuple[int, int], temporal_kernel: int | None, training: bool) -> None:
    block = settle(GraphBlock(*channels, torch.rand(2, POINTS, POINTS), temporal_kernel)).train(training)
    x = torch.randn(1, channels[0], FRAMES, POINTS)
    timeline = ClipTimeline(torch.ones(1, FRAMES, dtype=torch.bool), gap=2)
    ours = block(x.permute(3, 0, 2, 1).contiguous(), timeline)  # [V, S, N, C]
    assert torch.allclose(ours.permute(1, 3, 2, 0), literal(block, x), atol=1e-5)


def test_batch_norm_of_nothing_keeps_its_statistics() -> None:
    norm = torch.nn.BatchNorm2d(3)
    out = apply_batch_norm(norm, torch.zeros(2, 0, 3, requires_grad=True))
    out.sum().backward()
    assert out.shape == (2, 0, 3)
    assert torch.equal(norm.running_mean, torch.zeros(3)) and torch.equal(norm.running_var, torch.ones(3))
    assert torch.equal(norm.weight.grad, torch.zeros(3)) and torch.equal(norm.bias.grad, torch.zeros(3))

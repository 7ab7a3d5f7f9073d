"""The temporal convolution in tiles: against PyTorch's, forward and backward, and how far float32 is from it."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unisign.models.backbones.clip_timeline import ClipTimeline, lay_out, take_out
from unisign.models.backbones.tiled_convolution import LEAST_CHANNELS, TiledConvolution, can_tile, matrices

SIZES = [3, 5]


def timeline_of(lengths: list[int], size: int) -> ClipTimeline:
    mask = torch.arange(max(lengths))[None] < torch.tensor(lengths)[:, None]
    return ClipTimeline(mask, gap=size // 2)


def plain(x: Tensor, kernel: Tensor, bias: Tensor, timeline: ClipTimeline) -> Tensor:
    laid_out = lay_out(x, timeline.position, timeline.length).transpose(1, 2)
    convolved = F.conv1d(laid_out, kernel[:, :, 0], bias, padding=kernel.shape[-1] // 2)
    return take_out(convolved.transpose(1, 2), timeline.position)


def test_by_hand() -> None:
    # Kernel (1, 10, 100) over the frames 1 to 5 with a zero on each side; then a clip of one frame.
    kernel, timeline = torch.tensor([[[[1.0, 10.0, 100.0]]]]), timeline_of([5, 1], 3)
    frames = torch.tensor([1.0, 2, 3, 4, 5, 7])[None, :, None]
    out = TiledConvolution(kernel, timeline.position, timeline.length)(frames, torch.ones(1), torch.empty(1, 6, 1))
    assert out.flatten().tolist() == pytest.approx([211, 322, 433, 544, 55, 71], rel=1e-5)


def test_the_published_matrices() -> None:
    """Lavin's wincnn, F(6, 3), whose rows may be scaled against each other."""
    wanted = torch.tensor([
        [4, 0, -21, 0, 21, 0, -4, 0], [0, 4, 4, -17, -17, 4, 4, 0], [0, -4, 4, 17, -17, -4, 4, 0],
        [0, 2, 1, -10, -5, 8, 4, 0], [0, -2, 1, 10, -5, -8, 4, 0], [0, 8, 16, -10, -20, 2, 4, 0],
        [0, -8, 16, 10, -20, -2, 4, 0], [0, -4, 0, 21, 0, -21, 0, 4],
    ])  # fmt: skip
    evaluate, _, interpolate = matrices(3, torch.float64)
    rows = interpolate.t() * wanted.abs().amax(dim=1, keepdim=True)
    assert torch.allclose(rows * (rows * wanted).sum(dim=1, keepdim=True).sign(), wanted.double())
    points = [0, 1, -1, 2, -2, 0.5, -0.5]
    assert evaluate.tolist() == [*([point**power for power in range(6)] for point in points), [0, 0, 0, 0, 0, 1]]


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('lengths', [[1], [6], [11], [13, 1, 6, 9], [3, 8, 8]])
@pytest.mark.parametrize('points', [1, 3])
def test_as_pytorch_convolves(size: int, lengths: list[int], points: int) -> None:
    timeline = timeline_of(lengths, size)
    x = torch.randn(points, sum(lengths), 6, dtype=torch.float64, requires_grad=True)
    kernel = torch.randn(5, 6, 1, size, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(5, dtype=torch.float64)
    wanted, given = plain(x, kernel, bias, timeline), torch.randn(points, sum(lengths), 5, dtype=torch.float64)
    of_x, of_kernel = torch.autograd.grad(wanted, [x, kernel], given)

    x, kernel = x.detach(), kernel.detach()
    convolution = TiledConvolution(kernel, timeline.position, timeline.length)
    out = convolution(x, bias, torch.full_like(given, torch.nan))
    assert torch.allclose(out, wanted, rtol=0, atol=1e-12)
    found = convolution.backward(given, x, torch.full_like(x, torch.nan))
    assert torch.allclose(found, of_x, rtol=0, atol=1e-12)
    assert torch.allclose(convolution.of_kernel(), of_kernel, rtol=0, atol=1e-11)
    assert torch.allclose(convolution.of_bias, given.sum(dim=(0, 1)), rtol=0, atol=1e-11)
    convolution.backward(given, x, torch.empty_like(x))  # of further points: these gradients add up
    assert torch.allclose(convolution.of_kernel(), 2 * of_kernel, rtol=0, atol=1e-11)
    assert torch.allclose(convolution.of_bias, 2 * given.sum(dim=(0, 1)), rtol=0, atol=1e-11)


@pytest.mark.parametrize('size', SIZES)
def test_digits_of_float32(size: int) -> None:
    """Some parts in a million of the largest value, at the width of the published networks."""
    timeline, x = timeline_of([100, 60], size), torch.randn(2, 160, 256).relu()
    kernel, bias = nn.Conv2d(256, 256, (1, size)).weight.detach(), torch.randn(256)
    out = TiledConvolution(kernel, timeline.position, timeline.length)(x, bias, torch.empty(2, 160, 256))
    exact = plain(x.double(), kernel.double(), bias.double(), timeline)
    assert (out - exact).abs().max() < 1e-5 * exact.abs().max()


def test_where_it_pays() -> None:
    x, wide = torch.empty(2, 9, LEAST_CHANNELS), torch.empty(LEAST_CHANNELS, LEAST_CHANNELS, 1, 5)
    assert can_tile(x, wide, (0, 2))
    assert not can_tile(x, wide[: LEAST_CHANNELS - 1], (0, 2))
    assert not can_tile(x, wide[:, :-1], (0, 2))
    assert not can_tile(x, wide, (0, 1))  # some frames fewer than went in
    assert not can_tile(x, torch.empty(LEAST_CHANNELS, LEAST_CHANNELS, 1, 7), (0, 3))
    assert not can_tile(x.bfloat16(), wide, (0, 2))
    assert not can_tile(x.to('meta'), wide, (0, 2))


def test_the_kernels_gradient_comes_after_backward() -> None:
    timeline = timeline_of([4], 3)
    convolution = TiledConvolution(torch.ones(1, 1, 1, 3), timeline.position, timeline.length)
    with pytest.raises(RuntimeError, match='after backward'):
        convolution.of_kernel()

"""The formulas of the prior-guided fusion, worked out by hand."""

import math

import pytest
import torch

from unisign.models.necks.crop_attention import CropAttention
from unisign.models.necks.deformable_attention import DeformableAttention, relative_to_crop
from unisign.models.necks.fusion_gate import FusionGate
from unisign.models.necks.position_encoding import KeypointEncoding, sinusoidal_encoding
from unisign.structures import DataError


def test_keypoint_encoding() -> None:
    encoding = KeypointEncoding(4)
    encoding.frequencies.copy_(torch.tensor([[0.25, 1.0], [0.5, 0.0]]))
    # (1, 0.75) -> (1, 0.5): phases 2 pi (0.25 + 0.25) and 2 pi; the middle (0.5, 0.5) -> (0, 0): phases 0.
    found = encoding(torch.tensor([[1.0, 0.75], [0.5, 0.5], [0.75, 0.5]]))
    third = [math.sin(math.pi / 4), math.sin(math.pi), math.cos(math.pi / 4), math.cos(math.pi)]
    assert torch.allclose(found, torch.tensor([[0, 0, -1, 1], [0, 0, 1, 1], third]), atol=1e-5)
    assert 'frequencies' in encoding.state_dict() and not list(encoding.parameters())


def test_keypoint_encoding_in_mixed_precision() -> None:
    encoding, keypoints = KeypointEncoding(256), torch.rand(5, 21, 2)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert torch.equal(encoding(keypoints), encoding(keypoints).float())
        mixed = encoding(keypoints)
    assert torch.equal(mixed, encoding(keypoints))


def test_sinusoidal_encoding() -> None:
    found = sinusoidal_encoding(3, 4)
    expected = [[math.sin(p), math.cos(p), math.sin(p / 100), math.cos(p / 100)] for p in range(3)]
    assert torch.allclose(found, torch.tensor(expected), atol=1e-6)


def still(channels: int = 2, num_heads: int = 1) -> DeformableAttention:
    """An attention that reads at the keypoints, all equally, and gives back what it read."""
    attention = DeformableAttention(channels, num_heads)
    with torch.no_grad():
        for weight in (attention.query.weight, attention.key.weight, attention.offsets[2].weight):
            weight.zero_()
        for parameter in attention.position_bias.parameters():
            parameter.zero_()
        eye = torch.eye(channels // num_heads).repeat(num_heads, 1)
        attention.value.weight.copy_(eye[..., None, None])
        attention.output.weight.copy_(torch.eye(channels)[..., None])
        attention.output.bias.zero_()
    return attention


def test_sampling_is_bilinear_with_x_before_y_and_zeros_outside() -> None:
    attention = still()
    crops = torch.zeros(1, 2, 4, 4)
    crops[0, 0] = torch.tensor([[10.0 * y + x for x in range(4)] for y in range(4)])
    crops[0, 1, 0, 3] = 8.0
    # Cell (x, y) of a 4 x 4 grid has its centre at ((x + 0.5) / 4, (y + 0.5) / 4).
    places = {(3.5 / 4, 0.5 / 4): (3, 8), (0.5, 0.5): (16.5, 0), (1.0, 0.5 / 4): (1.5, 4), (0.5 / 4, 3.5 / 4): (30, 0)}
    for place, expected in places.items():
        found, _ = attention(torch.randn(1, 2, 1), torch.tensor([[place]]), crops)
        assert found[0, :, 0].tolist() == pytest.approx(expected, abs=1e-5)


def test_offsets_reach_four_sixths_in_their_head() -> None:
    attention = still(channels=4, num_heads=2)
    with torch.no_grad():  # q of head 0 is 1, of head 1 is 0; offsets tanh(100 q) along x
        attention.query.weight[:2, 0] = 1.0
        attention.offsets[0].weight.fill_(1.0)
        attention.offsets[0].bias.zero_()
        attention.offsets[2].weight[0] = 100.0
    features = torch.zeros(1, 4, 3)
    features[:, 0] = 1.0
    keypoints = torch.tensor([[[0.5, 0.5], [0.25, 0.5], [0.0, 1.0]]])
    _, places = attention(features, keypoints, torch.randn(1, 4, 4, 4))
    centres = torch.tensor([[0.0, 0.0], [-0.5, 0.0], [-1.0, 1.0]])
    moved = centres + torch.tensor([4 / 6, 0.0])
    assert torch.allclose(places[0], torch.stack([moved, centres]), atol=1e-5)
    relative = relative_to_crop(places)
    assert relative.shape == (1, 6, 2)
    assert relative[0, 2].tolist() == pytest.approx([0.25 + 2 / 6, 0.5])  # the second keypoint's first head
    assert relative[0, 3].tolist() == pytest.approx([0.25, 0.5])


def test_scores_and_bias_weigh_the_sampling_points() -> None:
    attention = still()
    with torch.no_grad():
        attention.query.weight.copy_(torch.eye(2)[..., None])
        attention.key.weight.copy_(torch.eye(2)[..., None, None])
        attention.offsets[0].weight.zero_()
        attention.offsets[0].bias.zero_()
        attention.position_bias.layers[4].bias.fill_(7.0)  # the same everywhere: no difference
    crops = torch.zeros(1, 2, 4, 4)
    crops[0, 0, :, 2:], crops[0, 1, :, :2] = 3.0, 5.0  # right half (3, 0), left half (0, 5)
    keypoints = torch.tensor([[[0.125, 0.5], [0.875, 0.5]]])
    features = torch.tensor([[[1.0, 0.0], [0.0, 0.0]]])  # the first keypoint asks for channel 0, the second for nothing
    found, _ = attention(features, keypoints, crops)
    right = math.exp(3 / math.sqrt(2)) / (1 + math.exp(3 / math.sqrt(2)))
    assert found[0, :, 0].tolist() == pytest.approx([3 * right, 5 * (1 - right)], abs=1e-5)
    assert found[0, :, 1].tolist() == pytest.approx([1.5, 2.5], abs=1e-5)
    with torch.no_grad():  # minus ten times the distance along x in logarithms: each keypoint sees its own side only
        first, second, last = (attention.position_bias.layers[i] for i in (0, 2, 4))
        first.weight[0, 0], first.weight[1, 0] = 1.0, -1.0
        second.weight[0, :2] = 1.0
        last.weight[0, 0], last.bias[0] = -100.0, 0.0
    found, _ = attention(features, keypoints, crops)
    assert torch.allclose(found[0], torch.tensor([[0.0, 3.0], [5.0, 0.0]]), atol=1e-5)


def test_the_distance_is_from_sampling_point_to_keypoint() -> None:
    attention, seen = still(), []
    attention.position_bias.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    attention(torch.zeros(1, 2, 2), torch.tensor([[[0.0, 0.5], [1.0, 0.25]]]), torch.zeros(1, 2, 4, 4))
    assert seen[0].shape == (1, 1, 2, 2, 2)  # N G query key xy
    assert seen[0][0, 0, 0, 1].tolist() == pytest.approx([-2.0, 0.5])
    assert seen[0][0, 0, 1, 0].tolist() == pytest.approx([2.0, -0.5])


def test_crop_attention_reads_cells_row_by_row_with_their_positions() -> None:
    attention = CropAttention(8, 2)
    torch.nn.init.normal_(attention.attention.in_proj_bias)
    features, keypoints, crops = torch.randn(1, 8, 21), torch.rand(1, 21, 2), torch.randn(1, 8, 4, 4)
    queries = features.transpose(1, 2) + attention.keypoint_encoding(keypoints)
    cells = [crops[:, :, row, column] for row in range(4) for column in range(4)]
    cells = torch.stack(cells, dim=1) + sinusoidal_encoding(16, 8)
    expected, _ = attention.attention(queries, cells, cells)
    assert torch.allclose(attention(features, keypoints, crops), expected.transpose(1, 2), atol=1e-6)


def test_gate() -> None:
    gate = FusionGate(1)
    with torch.no_grad():
        gate.layers[0].weight.copy_(torch.tensor([[[1.0], [-1.0]]]))
        gate.layers[0].bias.zero_()
        gate.layers[2].weight.fill_(1.0)
        gate.layers[2].bias.zero_()
    read, features = torch.tensor([[[3.0, 1.0]]]), torch.tensor([[[1.0, 1.5]]])
    fused, share = gate(read, features)
    gelu = 2 * 0.5 * (1 + math.erf(2 / math.sqrt(2)))  # of 3 - 1; that of 1 - 1.5 is negative: ReLU(tanh) gives 0
    assert share[0].tolist() == pytest.approx([math.tanh(gelu), 0.0], abs=1e-6)
    assert fused[0, 0].tolist() == pytest.approx([math.tanh(gelu) * 3 + (1 - math.tanh(gelu)), 1.5], abs=1e-6)


def test_the_gate_starts_open_and_all_of_it_learns() -> None:
    torch.manual_seed(0)
    gate = FusionGate(6, bias=0.3)
    read, features = torch.randn(2, 6, 21, requires_grad=True), torch.randn(2, 6, 21)
    optimizer = torch.optim.SGD(gate.parameters(), lr=0.01)
    _, share = gate(read, features)
    assert torch.allclose(share, torch.full((2, 21), math.tanh(0.3)))
    for _ in range(2):  # the first layer's turn comes once the last one's weight is not 0
        optimizer.zero_grad()
        gate(read, features)[0].square().mean().backward()
        optimizer.step()
    assert all(weight.grad.any() for weight in gate.parameters())
    assert read.grad.any()
    assert gate(read, features)[1].std() > 0


@pytest.mark.parametrize('bias', [0.0, -0.1])
def test_a_closed_gate_is_refused(bias: float) -> None:
    with pytest.raises(DataError, match=f'gate_bias={bias}'):
        FusionGate(4, bias)


@pytest.mark.parametrize(('channels', 'num_heads'), [(8, 3), (8, 0), (9, 3)])
def test_heads_that_do_not_divide_the_channels(channels: int, num_heads: int) -> None:
    with pytest.raises(DataError, match=rf'model\.fusion: channels={channels} .* num_heads={num_heads}'):
        CropAttention(channels, num_heads)

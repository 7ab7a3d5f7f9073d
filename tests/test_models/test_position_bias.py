"""The position bias: its formula, and that pairs tile by tile give what the layers do."""

import math

import pytest
import torch

from unisign.models.necks import pair_network, plane_tiles, position_bias, tile_networks
from unisign.models.necks.position_bias import PositionBias, logarithmic


@pytest.fixture
def few_at_a_time(monkeypatch) -> None:
    monkeypatch.setattr(plane_tiles, 'POINTS', 5)
    for module in (plane_tiles, tile_networks, pair_network):
        monkeypatch.setattr(module, 'BLOCK', 3)
    monkeypatch.setattr(pair_network, 'BLOCKS', 2)
    monkeypatch.setattr(tile_networks, 'WIDTHS', (2, 3))


def test_position_bias() -> None:
    bias = PositionBias(width=2)
    with torch.no_grad():
        for layer in (bias.layers[0], bias.layers[2]):
            layer.weight.copy_(torch.eye(2))
            layer.bias.zero_()
        bias.layers[4].weight.copy_(torch.tensor([[1.0, 10.0]]))
        bias.layers[4].bias.fill_(0.5)
    e = math.e
    found = bias(torch.tensor([[e - 1, 0.0], [0.0, e**2 - 1], [1 - e, e - 1], [0.0, 0.0]]))
    # log(|d| + 1) with the sign of d, then two ReLUs: 1; 20; ReLU(-1) and 10; 0; each + 0.5
    assert found.tolist() == pytest.approx([1.5, 20.5, 10.5, 0.5], abs=1e-5)


@pytest.mark.usefixtures('few_at_a_time')
@pytest.mark.parametrize('width', [6, 30])
@pytest.mark.parametrize('shape', [(2, 3, 5, 2), (70, 2), (1, 1, 2), (0, 3, 2)])
def test_tiles_give_what_the_layers_do(shape: tuple[int, ...], width: int) -> None:
    torch.manual_seed(0)
    agrees_with_the_layers(PositionBias(width).double(), torch.randn(shape, dtype=torch.double))


@pytest.mark.parametrize('threads', [1, 2])
def test_real_sizes_give_what_the_layers_do(monkeypatch, threads: int) -> None:
    """On one thread and on more, for which another function sorts."""
    monkeypatch.setattr(torch, 'get_num_threads', lambda: threads)
    torch.manual_seed(1)
    agrees_with_the_layers(PositionBias().double(), torch.randn(9000, 2, dtype=torch.double))


def agrees_with_the_layers(bias: PositionBias, distances: torch.Tensor) -> None:
    distances.requires_grad_()
    given = torch.randn(distances.shape[:-1], dtype=torch.double)
    plain = bias.layers(logarithmic(distances)).squeeze(-1)
    expected = torch.autograd.grad(plain, [distances, *bias.parameters()], given)
    found = bias(distances)
    assert found.shape == plain.shape
    assert torch.allclose(found, plain, rtol=0, atol=1e-12)
    gradients = torch.autograd.grad(found, [distances, *bias.parameters()], given)
    for gradient, other in zip(gradients, expected, strict=True):
        assert torch.allclose(gradient, other, rtol=1e-10, atol=1e-11)
    assert not distances.numel() or all(gradient.any() for gradient in gradients[1:])


@pytest.mark.usefixtures('few_at_a_time')
def test_blocks_hold_every_pair_once_with_those_of_its_tile() -> None:
    torch.manual_seed(2)
    points = torch.rand(100, 2)
    tiles = plane_tiles.find_tiles(points)
    groups = [torch.arange(0, len(tiles.counts), 2), torch.arange(1, len(tiles.counts), 2)]
    seen = []
    for group in groups:
        blocks = tile_networks.make_blocks(tiles, group)
        for pairs, tile in zip(*blocks, strict=True):
            inside = pairs[pairs < len(points)]
            distance = (points[inside] - tiles.centre[group[tile]]).abs().max()
            assert distance <= tiles.reach * 1.001
            seen += inside.tolist()
    assert len(tiles.counts) > 10 and tiles.counts.tolist() != [len(points)]
    assert sorted(seen) == list(range(len(points)))


def test_a_unit_is_open_where_its_kink_crosses_the_tile() -> None:
    # One tile, from (-1, -1) to (1, 1): y + 3 is on, -3 - x off, x open; in the second layer z = ReLU(x) is in [0, 1].
    tile = plane_tiles.Tiles(torch.zeros(1, 2), torch.tensor(1.0), torch.tensor([1]), torch.tensor([0]))
    weight1, bias1 = torch.tensor([[0.0, 1.0], [-1.0, 0.0], [1.0, 0.0]]), torch.tensor([3.0, -3.0, 0.0])
    weight2, bias2 = torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, -1.0], [0.0, 0.0, -1.0]]), torch.tensor([0.0, -0.6, 0.5])
    units = plane_tiles.classify_units(tile, weight1, bias1, weight2, bias2)
    assert [part.tolist() for part in units.on] == [[[True, False, False]], [[True, False, False]]]
    assert [part.tolist() for part in units.open] == [[[False, False, True]], [[False, False, True]]]


def test_kinks_of_all_units_in_one_tile() -> None:
    torch.manual_seed(3)
    bias = PositionBias(20).double()
    with torch.no_grad():
        for layer in bias.layers[::2]:
            layer.bias.zero_()  # all lines of the first layer cross at 0
    agrees_with_the_layers(bias, torch.randn(3000, 2, dtype=torch.double) * torch.rand(3000, 1).double() ** 4)


@pytest.mark.parametrize('value', [math.nan, math.inf])
def test_a_value_that_is_not_finite_spoils_only_itself(value: float) -> None:
    torch.manual_seed(4)
    bias, distances = PositionBias(), torch.randn(900, 2)
    with torch.no_grad():
        expected = bias(distances)
        distances[7, 1] = value
        found = bias(distances)
    assert torch.allclose(found[:7], expected[:7], atol=1e-6) and torch.allclose(found[8:], expected[8:], atol=1e-6)
    assert not found[7].isfinite()


@pytest.mark.usefixtures('few_at_a_time')
def test_gradients_are_the_slopes() -> None:
    torch.manual_seed(1)
    bias = PositionBias(width=4).double()
    distances = torch.tensor([[0.0, 0.0], *torch.randn(9, 2).tolist()], dtype=torch.double, requires_grad=True)
    named = {name: weight.detach().requires_grad_() for name, weight in bias.named_parameters()}

    def with_weights(distances: torch.Tensor, *weights: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(bias, dict(zip(named, weights, strict=True)), distances)

    assert torch.autograd.gradcheck(with_weights, (distances, *named.values()))


def test_little_is_kept_of_the_hidden_layers() -> None:
    """They are 128 wide."""
    bias, kept = PositionBias(), []
    distances = torch.rand(3, 30000, 2, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor.numel()), lambda nothing: nothing):
        bias(distances)
    assert sum(kept) < 32 * distances[..., 0].numel()


@pytest.mark.usefixtures('few_at_a_time')
def test_nothing_is_kept_in_evaluation() -> None:
    bias, distances, kept = PositionBias(), torch.rand(3, 50, 2), []
    expected = bias(distances)
    bias.requires_grad_(False)
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor.numel()), lambda nothing: nothing):
        found = bias(distances)
    assert torch.equal(found, expected)
    assert not kept


def test_mixed_precision_leaves_it_in_full_precision() -> None:
    bias, distances = PositionBias(), torch.randn(30, 2, requires_grad=True)
    exact = torch.autograd.grad(bias(distances).sum(), distances)[0]
    with torch.autocast('cpu', dtype=torch.bfloat16):
        found = bias(distances)
    assert found.dtype == torch.float32
    assert torch.equal(found, bias(distances))
    assert torch.equal(torch.autograd.grad(found.sum(), distances)[0], exact)


def test_elsewhere_all_pairs_go_at_once(monkeypatch) -> None:
    monkeypatch.setattr(position_bias, 'pair_network', None)
    assert PositionBias().to('meta')(torch.zeros(2, 3, 5, 2, device='meta')).shape == (2, 3, 5)

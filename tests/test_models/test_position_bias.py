"""The position bias: its formula, and that pairs by region give what the layers do."""

import math

import pytest
import torch

from unisign.models.necks import pair_network, position_bias
from unisign.models.necks.position_bias import PositionBias, logarithmic


@pytest.fixture
def few_at_a_time(monkeypatch) -> None:
    monkeypatch.setattr(position_bias, 'PAIRS', 23)
    monkeypatch.setattr(pair_network, 'BLOCK', 3)
    monkeypatch.setattr(pair_network, 'BLOCKS', 2)


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
def test_regions_give_what_the_layers_do(shape: tuple[int, ...], width: int) -> None:
    torch.manual_seed(0)
    agrees_with_the_layers(PositionBias(width).double(), torch.randn(shape, dtype=torch.double))


def test_real_sizes_give_what_the_layers_do(monkeypatch) -> None:
    monkeypatch.setattr(position_bias, 'PAIRS', 4000)
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


def test_pairs_of_one_region_are_found_together() -> None:
    lines = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, -1.0]])  # x = 0 and y = 1
    inputs = torch.tensor([[2.0, 0.0], [-2.0, 3.0], [1.0, -1.0], [0.0, 2.0], [5.0, 5.0]])
    found = pair_network.find_regions(inputs, lines)
    regions = {}
    for row, block in zip(found.region.tolist(), found.pairs.view(-1, pair_network.BLOCK), strict=True):
        regions[tuple(found.active[row].tolist())] = {pair for pair in block.tolist() if pair < len(inputs)}
    assert regions == {(1, 0): {0, 2}, (0, 1): {1, 3}, (1, 1): {4}}


@pytest.mark.usefixtures('few_at_a_time')
def test_equal_hashes_mix_no_regions(monkeypatch) -> None:
    monkeypatch.setattr(pair_network, '_hash', lambda codes: torch.zeros(codes.shape[1], dtype=torch.int32))
    torch.manual_seed(2)
    agrees_with_the_layers(PositionBias(8).double(), torch.randn(40, 2, dtype=torch.double))


@pytest.mark.usefixtures('few_at_a_time')
def test_gradients_are_the_slopes() -> None:
    torch.manual_seed(1)
    bias = PositionBias(width=4).double()
    distances = torch.tensor([[0.0, 0.0], *torch.randn(9, 2).tolist()], dtype=torch.double, requires_grad=True)
    named = {name: weight.detach().requires_grad_() for name, weight in bias.named_parameters()}

    def with_weights(distances: torch.Tensor, *weights: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(bias, dict(zip(named, weights, strict=True)), distances)

    assert torch.autograd.gradcheck(with_weights, (distances, *named.values()))


def test_hidden_layers_are_not_kept() -> None:
    bias, kept = PositionBias(), []
    distances = torch.rand(3, 30000, 2, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor.numel()), lambda nothing: nothing):
        bias(distances)
    of_maps = 5 * 64 * 3 * 1000  # of each region, some
    assert sum(kept) < 11 * distances[..., 0].numel() + of_maps < 64 * distances[..., 0].numel()


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

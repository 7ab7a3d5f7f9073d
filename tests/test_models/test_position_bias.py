"""The position bias: its formula, and that some pairs at a time give what all at once do."""

import math

import pytest
import torch

from unisign.models.necks import position_bias
from unisign.models.necks.position_bias import PositionBias, logarithmic


@pytest.fixture
def few_at_a_time(monkeypatch) -> None:
    monkeypatch.setattr(position_bias, 'PAIRS', 7)


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
@pytest.mark.parametrize('shape', [(2, 3, 5, 2), (7, 2), (1, 1, 2), (0, 3, 2)])
def test_some_pairs_at_a_time_are_all_at_once(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    bias, distances = PositionBias(width=6).double(), torch.randn(shape, dtype=torch.double, requires_grad=True)
    given = torch.randn(shape[:-1], dtype=torch.double)
    plain = bias.layers(logarithmic(distances)).squeeze(-1)
    expected = torch.autograd.grad(plain, [distances, *bias.parameters()], given)
    found = bias(distances)
    assert torch.allclose(found, plain)
    gradients = torch.autograd.grad(found, [distances, *bias.parameters()], given)
    assert all(torch.allclose(a, b) for a, b in zip(gradients, expected, strict=True))
    assert not distances.numel() or all(gradient.any() for gradient in gradients)


@pytest.mark.usefixtures('few_at_a_time')
def test_gradients_are_the_slopes() -> None:
    torch.manual_seed(1)
    bias = PositionBias(width=4).double()
    distances = torch.tensor([[0.0, 0.0], *torch.randn(9, 2).tolist()], dtype=torch.double, requires_grad=True)
    weights = [weight.detach().clone().requires_grad_() for weight in bias.parameters()]
    assert torch.autograd.gradcheck(position_bias._PairNetwork.apply, (distances, *weights))


def test_hidden_layers_are_not_kept() -> None:
    bias, kept = PositionBias(), []
    distances = torch.randn(3, 5000, 2, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor.numel()), lambda nothing: nothing):
        bias(distances)
    assert sum(kept) == distances.numel() + sum(weight.numel() for weight in bias.parameters())


def test_mixed_precision_leaves_it_in_full_precision() -> None:
    bias, distances = PositionBias(), torch.randn(30, 2, requires_grad=True)
    exact = torch.autograd.grad(bias(distances).sum(), distances)[0]
    with torch.autocast('cpu', dtype=torch.bfloat16):
        found = bias(distances)
    assert found.dtype == torch.float32
    assert torch.equal(found, bias(distances))
    assert torch.equal(torch.autograd.grad(found.sum(), distances)[0], exact)


def test_elsewhere_all_pairs_go_at_once(monkeypatch) -> None:
    monkeypatch.setattr(position_bias, '_PairNetwork', None)
    assert PositionBias().to('meta')(torch.zeros(2, 3, 5, 2, device='meta')).shape == (2, 3, 5)

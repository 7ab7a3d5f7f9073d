"""Copies of weights for products of few rows: when they are made, and when they are out of date."""

import copy

import pytest
import torch
from torch import nn

from unisign.models.heads import packed_weights
from unisign.models.heads.packed_weights import forget_packed, packed_product, packed_weight
from unisign.models.heads.t5_decoder import apply_linear
from unisign.registry import MODELS


@pytest.fixture(autouse=True)
def after_two_uses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed_weights, 'USES', 2)


@pytest.fixture
def layer() -> nn.Linear:
    return nn.Linear(6, 4, bias=False)


def test_a_layer_that_is_asked_often_is_packed(layer) -> None:
    assert [packed_weight(layer) is None for _ in range(4)] == [True, True, False, False]
    x = torch.randn(2, 3, 6)
    assert torch.allclose(packed_product(x, packed_weight(layer)), layer(x), atol=1e-6)


@torch.no_grad()
@pytest.mark.parametrize('change', ['in place', 'loaded', 'replaced'])
def test_a_changed_weight_is_noticed(layer, change: str) -> None:
    x = torch.randn(3, 6)
    before = [apply_linear(layer, x) for _ in range(5)][-1]
    if change == 'in place':
        layer.weight.mul_(2)
    elif change == 'loaded':
        layer.load_state_dict(dict(weight=2 * layer.weight))
    else:
        layer.weight.data = 2 * layer.weight.data
    assert [torch.allclose(apply_linear(layer, x), 2 * before, atol=1e-6) for _ in range(5)] == [True] * 5


def test_an_optimizer_step_is_noticed(layer) -> None:
    optimizer = torch.optim.AdamW(layer.parameters(), lr=0.1, fused=True)
    x = torch.randn(3, 6)
    for _ in range(2):
        with torch.no_grad():
            assert all(torch.allclose(apply_linear(layer, x), layer(x), atol=1e-6) for _ in range(4))
        layer(x).sum().backward()
        optimizer.step()


@torch.no_grad()
@pytest.mark.parametrize('training', [True, False])
def test_the_head_forgets_its_copies(model_config, training: bool) -> None:
    head = MODELS.build(model_config()).head.eval()
    layer, x = head.language_model.lm_head, torch.randn(2, 24)
    for _ in range(4):
        apply_linear(layer, x)
    layer.weight.data.mul_(2)  # nothing counts this
    head.train(training)
    assert all(torch.allclose(apply_linear(layer, x), layer(x), atol=1e-6) for _ in range(4))


def test_only_what_is_of_use_is_packed(layer) -> None:
    double = nn.Linear(6, 4, bias=False).double()
    assert all(packed_weight(double) is None for _ in range(5))
    with torch.inference_mode():
        made_there = nn.Linear(6, 4, bias=False)
        assert all(packed_weight(made_there) is None for _ in range(5))
    x = torch.randn(2, 6)
    assert all(apply_linear(layer, x).requires_grad for _ in range(5))  # gradients still flow


def test_a_packed_model_is_copied_as_any_other(layer) -> None:
    assert [packed_weight(layer) for _ in range(4)][-1] is not None
    assert torch.equal(copy.deepcopy(layer).weight, layer.weight)
    forget_packed(nn.Sequential(layer))
    assert packed_weight(layer) is None

"""Output layer and loss in one, against the plain formula."""

import math
from importlib import import_module

import pytest
import torch

from unisign.models.losses import linear_cross_entropy, smoothed_cross_entropy

TOKENS, WIDTH, WORDS = 7, 4, 11


@pytest.fixture(autouse=True, params=[('cpu',), ()], ids=['in the cache', 'as on a GPU'])
def way(request, monkeypatch) -> None:
    """Both ways of working out the costs, on the CPU."""
    monkeypatch.setattr(import_module('unisign.models.losses.linear_cross_entropy'), 'CACHED', request.param)


@pytest.fixture
def tensors() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    hidden = torch.randn(TOKENS, WIDTH, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(WORDS, WIDTH, dtype=torch.float64, requires_grad=True)
    return hidden, weight, torch.randint(0, WORDS, (TOKENS,))


def test_by_hand() -> None:
    # The scores are log p: p = (1/2, 1/4, 1/4); see the same numbers in test_label_smoothing.
    weight = torch.tensor([[1 / 2], [1 / 4], [1 / 4]]).log()
    found = linear_cross_entropy(torch.ones(1, 1), weight, torch.tensor([0]), 0.3)
    assert found.loss.item() == pytest.approx(1.2 * math.log(2))
    assert found.accuracy.item() == 1
    assert linear_cross_entropy(torch.ones(2, 1), weight, torch.tensor([0, 1])).accuracy.item() == 0.5


@pytest.mark.parametrize('smoothing', [0.0, 0.2])
@pytest.mark.parametrize('scores', [1, 3 * WORDS, 1000])  # a token at a time, three of them, all
@pytest.mark.parametrize('at_once', [1, 2 * WORDS, 1000])
def test_loss_and_gradients_in_double_precision(
    tensors, monkeypatch, smoothing: float, scores: int, at_once: int
) -> None:
    # The package's attribute of this name is the function.
    monkeypatch.setattr(import_module('unisign.models.losses.linear_cross_entropy'), 'SCORES_AT_ONCE', at_once)
    hidden, weight, targets = tensors
    expected = smoothed_cross_entropy_in_double(hidden @ weight.t(), targets, smoothing)
    wanted = torch.autograd.grad(3 * expected, (hidden, weight))
    found = linear_cross_entropy(hidden, weight, targets, smoothing, scores)
    assert found.loss.item() == pytest.approx(expected.item(), abs=1e-12)
    for a, b in zip(torch.autograd.grad(3 * found.loss, (hidden, weight)), wanted, strict=True):
        assert b.any() and torch.allclose(a, b, rtol=0, atol=1e-12)
    hits = ((hidden @ weight.t()).argmax(dim=1) == targets).double().mean()
    assert found.accuracy.item() == pytest.approx(hits.item())


def smoothed_cross_entropy_in_double(logits: torch.Tensor, targets: torch.Tensor, smoothing: float) -> torch.Tensor:
    log_probabilities = logits.log_softmax(dim=1)
    chosen = log_probabilities[torch.arange(len(targets)), targets]
    return (-(1 - smoothing) * chosen - smoothing * log_probabilities.mean(dim=1)).mean()


def test_as_the_plain_loss_in_single_precision(tensors) -> None:
    hidden, weight, targets = (tensors[0].float(), tensors[1].float(), tensors[2])
    expected = smoothed_cross_entropy(hidden @ weight.t(), targets, 0.2)
    assert linear_cross_entropy(hidden, weight, targets, 0.2).loss.item() == pytest.approx(expected.item(), abs=1e-6)


def test_frozen_output_layer(tensors) -> None:
    hidden, weight, targets = tensors
    whole, _ = torch.autograd.grad(linear_cross_entropy(hidden, weight, targets, 0.2).loss, (hidden, weight))
    (alone,) = torch.autograd.grad(linear_cross_entropy(hidden, weight.detach(), targets, 0.2).loss, (hidden,))
    assert torch.equal(alone, whole)


@pytest.mark.parametrize('scores', [3 * WORDS, 1000])
@pytest.mark.parametrize('values', [2 * WIDTH, 1000])  # two rows of the weight's gradient at a time, all
def test_loss_in_float32_under_autocast(tensors, monkeypatch, scores: int, values: int) -> None:
    monkeypatch.setattr(import_module('unisign.models.losses.linear_cross_entropy'), 'VALUES', values)
    hidden, weight, targets = (tensors[0].detach().float(), tensors[1].detach().float(), tensors[2])
    hidden.requires_grad_(), weight.requires_grad_()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        found = linear_cross_entropy(hidden, weight, targets, 0.2, scores)
        expected = smoothed_cross_entropy(torch.nn.functional.linear(hidden, weight), targets, 0.2)
    assert found.loss.dtype == torch.float32
    assert found.loss.item() == pytest.approx(expected.item(), rel=1e-3)
    wanted = torch.autograd.grad(3 * expected, (hidden, weight))
    for a, b in zip(torch.autograd.grad(3 * found.loss, (hidden, weight)), wanted, strict=True):
        assert a.dtype == torch.float32
        assert (a - b).abs().max() < 0.02 * b.abs().max()


@pytest.mark.parametrize('scores', [3 * WORDS, 1000])
def test_a_large_scale_does_not_leave_half_precision(tensors, scores: int) -> None:
    """A gradient scaler's 65,536, past float16's largest number, scales float32."""
    hidden, weight = (one.detach().float().requires_grad_() for one in tensors[:2])
    with torch.autocast('cpu', dtype=torch.float16):
        losses = [linear_cross_entropy(hidden, weight, tensors[2], 0.2, scores).loss for _ in range(2)]
    large, plain = (torch.autograd.grad(a * b, (hidden, weight)) for a, b in zip(losses, (2**16, 1), strict=True))
    for a, b in zip(large, plain, strict=True):
        assert torch.equal(a, 2**16 * b)


def test_no_target_gives_zero_with_gradient(tensors) -> None:
    _, weight, _ = tensors
    hidden = torch.zeros(0, WIDTH, dtype=torch.float64, requires_grad=True)
    found = linear_cross_entropy(hidden, weight, torch.zeros(0, dtype=torch.long), 0.2)
    found.loss.backward()
    assert found.loss.item() == 0
    assert hidden.grad.shape == hidden.shape and not weight.grad.any()


def test_a_second_backward_pass_is_refused(tensors) -> None:
    hidden, weight, targets = tensors
    loss = linear_cross_entropy(hidden, weight, targets).loss
    loss.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match='only once'):
        loss.backward()


def test_states_that_change_before_the_backward_pass_are_refused(tensors) -> None:
    hidden, weight, targets = tensors
    states = hidden * 1
    loss = linear_cross_entropy(states, weight, targets).loss
    states.detach().zero_()
    with pytest.raises(RuntimeError, match='changed in place'):
        loss.backward()

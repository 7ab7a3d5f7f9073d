"""Leaner layers in Hugging Face's models: the activation to the digit, dropout by its shares and its gradient."""

import pytest
import torch
from torch import nn
from transformers import MT5Config, MT5ForConditionalGeneration
from transformers.activations import NewGELUActivation

from unisign.models.language_models.lean_layers import LeanDropout, use_lean_layers


@pytest.fixture
def model() -> MT5ForConditionalGeneration:
    sizes = dict(d_model=16, d_ff=32, d_kv=4, num_heads=4, num_layers=2, num_decoder_layers=2, vocab_size=50)
    return MT5ForConditionalGeneration(MT5Config(**sizes, dropout_rate=0.25))


def test_a_language_models_results_stay(model) -> None:
    tokens, labels = torch.randint(50, (2, 7)), torch.randint(50, (2, 5))
    wanted = model.eval()(input_ids=tokens, labels=labels)
    wanted.loss.backward()
    gradients = {name: weight.grad for name, weight in model.named_parameters()}
    model.zero_grad()
    names = list(model.state_dict())
    use_lean_layers(model)
    assert list(model.state_dict()) == names
    kinds = [type(module) for module in model.modules()]
    assert NewGELUActivation not in kinds and nn.Dropout not in kinds and LeanDropout in kinds
    found = model(input_ids=tokens, labels=labels)
    torch.testing.assert_close(found.logits, wanted.logits)
    found.loss.backward()
    for name, weight in model.named_parameters():
        torch.testing.assert_close(weight.grad, gradients[name], rtol=1e-4, atol=1e-6)


def test_mode_and_share_are_taken_over(model) -> None:
    use_lean_layers(model.eval())
    layers = [layer for layer in model.modules() if isinstance(layer, LeanDropout)]
    assert layers and all(layer.p == 0.25 and not layer.training for layer in layers)


@pytest.mark.parametrize('p', [0.1, 0.5])
def test_shares_and_gradient_of_dropout(p: float) -> None:
    x = torch.full((401, 501), 3.0, requires_grad=True)  # no multiple of the four values drawn together
    out = LeanDropout(p)(x)
    dropped = out == 0
    deviation = (p * (1 - p) / x.numel()) ** 0.5
    assert dropped.float().mean().item() == pytest.approx(p, abs=6 * deviation)
    assert out[~dropped].unique().tolist() == pytest.approx([3 / (1 - p)], rel=1e-4)
    # Neighbours are drawn together, of 64 bits; they fall independently.
    both = (dropped[:, 1:] & dropped[:, :-1]).float().mean().item()
    assert both == pytest.approx(p * p, abs=6 * (p / x.numel()) ** 0.5)
    given = torch.randn_like(x)
    out.backward(given)
    torch.testing.assert_close(x.grad, given * out.detach() / 3)


def test_a_seed_gives_the_same_again() -> None:
    x, dropout = torch.ones(100), LeanDropout(0.5)
    torch.manual_seed(1)
    first = dropout(x)
    torch.manual_seed(1)
    assert torch.equal(dropout(x), first)
    assert not torch.equal(dropout(x), first)


@pytest.mark.parametrize('p', [0.0, 1.0, 1e-6])
def test_shares_at_the_ends_are_pytorchs(p: float) -> None:
    out = LeanDropout(p)(torch.ones(1000))
    assert out.count_nonzero() == (0 if p == 1 else 1000)


def test_nothing_is_dropped_in_evaluation() -> None:
    x = torch.ones(10)
    assert torch.equal(LeanDropout(0.5).eval()(x), x)


def test_precision_and_empty_input() -> None:
    assert LeanDropout(0.5)(torch.ones(8, dtype=torch.bfloat16)).dtype == torch.bfloat16
    assert LeanDropout(0.5)(torch.ones(0, 3)).shape == (0, 3)

"""Leaner layers in Hugging Face's models: the activation to the digit, dropout by its shares and its gradient."""

from copy import deepcopy

import pytest
import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from transformers import MT5Config, MT5ForConditionalGeneration
from transformers.activations import NewGELUActivation

from unisign.models.language_models import fused_attention, lean_layers
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


@pytest.mark.parametrize('kind', [torch.float64, torch.float32])
def test_norms_of_a_gpu(kind, model, monkeypatch) -> None:
    """One operation: numbers and gradients of x / root(mean(x^2) + eps) weight, also for rows of tiny values."""
    monkeypatch.setattr(fused_attention, 'DEVICES', ('cpu',))
    monkeypatch.setattr(torch, 'rsqrt', pytest.fail)  # what Hugging Face's calls
    use_lean_layers(model.to(kind))
    norm = model.encoder.block[0].layer[0].layer_norm
    nn.init.normal_(norm.weight)
    x = torch.randn(3, 5, 16, dtype=kind)
    x[0] *= 1e-4
    found, expected = x.clone().requires_grad_(), x.double().requires_grad_()
    weight, given = norm.weight.detach().double().requires_grad_(), torch.randn_like(x)
    wanted = expected / (expected.square().mean(dim=-1, keepdim=True) + 1e-6).sqrt() * weight
    out = norm(found)
    out.backward(given)
    wanted.backward(given.double())
    assert out.dtype is kind
    for one, other in ((out, wanted), (found.grad, expected.grad), (norm.weight.grad, weight.grad)):
        torch.testing.assert_close(one.double(), other, rtol=2e-5, atol=2e-5)


def test_norms_of_other_precision_are_hugging_faces(model, monkeypatch) -> None:
    monkeypatch.setattr(fused_attention, 'DEVICES', ('cpu',))
    use_lean_layers(model.bfloat16())
    norm, x = model.encoder.block[0].layer[0].layer_norm, torch.randn(2, 16)
    expected = (x / (x.square().mean(dim=-1, keepdim=True) + 1e-6).sqrt()).bfloat16()
    monkeypatch.setattr(torch.nn.functional, 'rms_norm', pytest.fail)
    torch.testing.assert_close(norm(x), expected)


def test_mode_and_share_are_taken_over(model) -> None:
    use_lean_layers(model.eval())
    layers = [layer for layer in model.modules() if isinstance(layer, LeanDropout)]
    assert layers and all(layer.p == 0.25 and not layer.training for layer in layers)


def test_attention_drops_out_by_it_too(model, monkeypatch) -> None:
    """Also in a copy, and again in the same way when the backward pass computes the forward pass again."""
    use_lean_layers(model)
    model = deepcopy(model).train()
    called: list[tuple[int, ...]] = []
    plain = lean_layers.lean_dropout

    def counted(x, *args, **options):
        called.append(tuple(x.shape))
        return plain(x, *args, **options)

    monkeypatch.setattr(lean_layers, 'lean_dropout', counted)
    monkeypatch.setattr(torch, 'dropout', pytest.fail)  # what PyTorch's function calls in the end
    tokens, gradients = torch.randint(50, (2, 7)), []
    for again in (False, True):
        if again:
            model.gradient_checkpointing_enable(dict(use_reentrant=False))
        called.clear()
        torch.manual_seed(0)
        model(input_ids=tokens, labels=tokens[:, :5].contiguous(), use_cache=False).loss.backward()
        assert called.count((2, 4, 7, 7)) == 2 * (1 + again)  # the encoder's weights: batch, heads, queries, keys
        gradients.append(model.shared.weight.grad)
        model.zero_grad()
    torch.testing.assert_close(*gradients)
    assert not isinstance(torch.overrides._get_current_function_mode(), TorchFunctionMode)


def test_attention_in_evaluation(model, monkeypatch) -> None:
    use_lean_layers(model.eval())
    monkeypatch.setattr(lean_layers, '_Dropout', None)
    model(input_ids=torch.ones(1, 3, dtype=torch.long), labels=torch.ones(1, 2, dtype=torch.long))


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


def test_compiled_dropout_is_pytorchs() -> None:
    """The lean one would break the graph."""
    torch.compiler.reset()
    compiled = torch.compile(LeanDropout(0.5), fullgraph=True, backend='eager')
    out = compiled(torch.ones(1000))
    assert set(out.unique().tolist()) == {0, 2}

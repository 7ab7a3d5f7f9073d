"""Linear layers with the same input in one product: numbers, gradients, and where each stays for itself."""

from itertools import starmap

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from transformers import MT5Config, MT5ForConditionalGeneration

from unisign.models.language_models import fused_attention
from unisign.models.language_models.joined_layers import project
from unisign.models.language_models.lean_layers import use_lean_layers

WIDTHS = (3, 5, 2)


@pytest.fixture
def layers() -> list[nn.Linear]:
    torch.manual_seed(0)
    return [nn.Linear(4, width, bias=False) for width in WIDTHS]


@pytest.fixture
def products(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Rows of the weights of each product."""
    found: list[int] = []
    plain = F.linear

    def counted(x, weight, bias=None):
        found.append(len(weight))
        return plain(x, weight, bias)

    monkeypatch.setattr(F, 'linear', counted)
    return found


def test_under_autocast_one_product(layers, products) -> None:
    x = torch.randn(2, 6, 4, requires_grad=True)
    given = [torch.randn(2, 6, width) for width in WIDTHS]
    with torch.autocast('cpu', torch.bfloat16):
        found = project(layers, x)
    assert products == [sum(WIDTHS)]
    assert [one.dtype for one in found] == [torch.bfloat16] * 3
    sum((one * weight).sum() for one, weight in zip(found, given, strict=True)).backward()
    # Inputs, weights and what comes back are rounded, the sums are not: as in plain products of rounded numbers.
    rounded, passed = x.detach().bfloat16().float(), [one.bfloat16().float() for one in given]
    weights = [layer.weight.detach().bfloat16().float() for layer in layers]
    for one, weight in zip(found, weights, strict=True):
        torch.testing.assert_close(one.float(), (rounded @ weight.t()).bfloat16().float())
    for layer, back in zip(layers, passed, strict=True):
        assert layer.weight.grad.dtype is torch.float32 and layer.weight.grad.is_contiguous()
        torch.testing.assert_close(layer.weight.grad, torch.einsum('btc,btd->cd', back, rounded), rtol=8e-3, atol=8e-3)
    expected = sum(starmap(torch.matmul, zip(passed, weights, strict=True)))
    torch.testing.assert_close(x.grad, expected.bfloat16().float(), rtol=8e-3, atol=8e-3)


def test_in_float32_each_for_itself(layers, products) -> None:
    x = torch.randn(6, 4)
    found = project(layers, x)
    assert products == list(WIDTHS)
    for one, layer in zip(found, layers, strict=True):
        assert torch.equal(one, x @ layer.weight.t())


@pytest.mark.parametrize('change', ['adapter', 'bias', 'hook'])
def test_layers_that_are_not_plain_are_called(change, layers, products) -> None:
    called = []
    if change == 'adapter':
        layers[1].__class__ = type('Adapter', (nn.Linear,), {})
    elif change == 'bias':
        layers[1].bias = nn.Parameter(torch.ones(WIDTHS[1]))
    else:
        layers[1].register_forward_hook(lambda *_: called.append(1))
    with torch.autocast('cpu', torch.bfloat16):
        project(layers, torch.randn(6, 4))
    assert products == list(WIDTHS)
    assert len(called) == (change == 'hook')


def test_where_the_language_model_joins(monkeypatch, products) -> None:
    """A layer of the encoder: query, key and value; the gate and its values. Of the decoder: key and value too."""
    monkeypatch.setattr(fused_attention, 'DEVICES', ('cpu',))
    sizes = dict(d_model=16, d_ff=32, d_kv=4, num_heads=4, num_layers=2, num_decoder_layers=2, vocab_size=50)
    model = MT5ForConditionalGeneration(MT5Config(**sizes, decoder_start_token_id=0)).train()
    use_lean_layers(model)
    tokens = torch.arange(10).view(2, 5)
    with torch.autocast('cpu', torch.bfloat16):
        model(input_ids=tokens, labels=tokens, use_cache=False)
    encoder = [48, 16, 64, 16]  # projections, output, gate and values, output
    decoder = [48, 16, 16, 32, 16, 64, 16]
    assert products == [*encoder, *encoder, *decoder, *decoder, 50]

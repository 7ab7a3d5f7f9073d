"""The language model through ``torch.compile``, layer by layer: once for all lengths, with the same results."""

import copy

import pytest
import torch
from counting_backend import Counting

from unisign.models import MT5GenerationHead
from unisign.models.heads import mt5_generation_head
from unisign.models.language_models import fused_attention
from unisign.registry import MODELS

# PyTorch takes sizes that are equal by chance in the first batch for one, and a single clip for a case of its own: each
# would be one graph more. So there are four clips, for two heads and three tokens.
BATCHES = (((5, 3, 6, 2), ('hello you',)), ((9, 9, 2, 4, 1), ('hello', '今天我想吃面条。')), ((12, 7, 3), ('you',)))


def train_once(head: MT5GenerationHead, batch: tuple) -> list[torch.Tensor]:
    """Return the loss and the gradients."""
    features, mask, samples = batch
    torch.manual_seed(0)
    loss = head.loss(features, mask, samples)['loss']
    return [loss.detach(), *torch.autograd.grad(loss, list(head.parameters()), allow_unused=True)]


def both(model_config, backend: Counting, **arguments) -> tuple[MT5GenerationHead, MT5GenerationHead]:
    """Return a head as it is, and the same compiled."""
    plain = MODELS.build(model_config(dropout=0.0, **arguments)['head']).train()
    compiled = copy.deepcopy(plain)
    compiled.compile_networks(backend=backend)
    return plain, compiled


def all_batches(make_batch) -> list[tuple]:
    batches = []
    for lengths, texts in BATCHES:
        inputs, samples = make_batch(lengths, texts=texts)
        batches.append((torch.randn(*inputs['mask'].shape, 24), inputs['mask'], samples))
    return batches


def agree(found: list[torch.Tensor], expected: list[torch.Tensor]) -> bool:
    """Tell whether they are the same within rounding; a weight without gradient has none in both."""
    pairs = zip(found, expected, strict=True)
    return all((a is b is None) or torch.allclose(a, b, rtol=1e-4, atol=1e-6) for a, b in pairs)


@pytest.mark.slow
@pytest.mark.parametrize('device', ['cpu', 'cuda', 'cuda under autocast'])
def test_four_graphs_for_all_lengths(model_config, make_batch, backend, monkeypatch, device: str) -> None:
    """The first layer of encoder and decoder, and one of the others; also with the layers of GPUs, run here."""
    if device != 'cpu':
        monkeypatch.setattr(fused_attention, 'DEVICES', ('cpu',))
    plain, compiled = both(model_config, backend)
    assert plain.state_dict().keys() == compiled.state_dict().keys()
    with torch.autocast('cpu', torch.bfloat16, enabled=device == 'cuda under autocast'):
        for batch in all_batches(make_batch):
            assert agree(train_once(compiled, batch), train_once(plain, batch))
    assert backend.count == 4


@pytest.mark.slow
def test_with_activation_checkpointing(model_config, make_batch, backend) -> None:
    plain, compiled = both(model_config, backend, gradient_checkpointing=True)
    batch = all_batches(make_batch)[0]
    assert agree(train_once(compiled, batch), train_once(plain, batch))
    assert backend.count > 0


def test_evaluation_and_copies_are_not_compiled(model_config, make_batch, backend) -> None:
    plain, compiled = (head.eval() for head in both(model_config, backend))
    features, mask, samples = all_batches(make_batch)[0]
    answers = [head.predict(features, mask, copy.deepcopy(samples)) for head in (plain, compiled)]
    assert [a.pred_text for a in answers[0]] == [b.pred_text for b in answers[1]]
    train_once(copy.deepcopy(compiled).train(), (features, mask, samples))
    assert backend.count == 0


def test_layers_that_are_spread_out_are_left_alone(model_config, make_batch, backend, monkeypatch) -> None:
    plain = MODELS.build(model_config()['head'])
    monkeypatch.setattr(mt5_generation_head, 'FSDPModule', type(plain.language_model.encoder.block[0]))
    _, compiled = both(model_config, backend)
    train_once(compiled, all_batches(make_batch)[0])
    assert backend.count == 0

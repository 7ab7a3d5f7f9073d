"""The fused attention of T5's family: numbers, gradients and what it is asked for, next to Hugging Face's."""

from copy import deepcopy

import pytest
import torch
import torch.nn.functional as F
from transformers import MT5Config, MT5ForConditionalGeneration, T5Config, T5ForConditionalGeneration

from unisign.models.language_models import fused_attention
from unisign.models.language_models.lean_layers import use_lean_layers

SIZES = dict(
    d_model=16,
    d_ff=32,
    d_kv=4,
    num_heads=4,
    num_layers=2,
    num_decoder_layers=2,
    vocab_size=50,
    decoder_start_token_id=0,
)
KINDS = [(MT5Config, MT5ForConditionalGeneration), (T5Config, T5ForConditionalGeneration)]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[dict]:
    """Use it on the CPU too; returns what PyTorch's function was called with."""
    monkeypatch.setattr(fused_attention, 'DEVICES', ('cpu',))
    found: list[dict] = []
    plain = F.scaled_dot_product_attention

    def counted(query, key, value, bias, dropout, scale):
        found.append(dict(query=query, bias=bias, dropout=dropout))
        return plain(query, key, value, bias, dropout, scale=scale)

    monkeypatch.setattr(F, 'scaled_dot_product_attention', counted)
    return found


def training_step(model: torch.nn.Module) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Return logits and gradients for two clips, one shorter than the other."""
    model.zero_grad()
    tokens = torch.arange(22).view(2, 11) % 50
    mask = torch.ones(2, 11, dtype=torch.long)
    mask[1, 7:] = 0
    out = model(input_ids=tokens, attention_mask=mask, labels=tokens[:, :5].contiguous(), use_cache=False)
    out.loss.backward()
    return out.logits, {name: weight.grad.clone() for name, weight in model.named_parameters()}


@pytest.mark.parametrize(('config', 'kind'), KINDS, ids=['mt5', 't5'])
def test_same_numbers_and_gradients(config, kind, calls) -> None:
    torch.manual_seed(0)
    model = kind(config(**SIZES, dropout_rate=0.0)).double().train()
    expected, gradients = training_step(model)
    assert not calls
    use_lean_layers(model)
    found, others = training_step(model)
    assert len(calls) == 2 + 2 * 2
    # Hugging Face's softmax is float32 whatever the model is.
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    for name, gradient in gradients.items():
        torch.testing.assert_close(others[name], gradient, rtol=1e-4, atol=1e-6)
    table = 'encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight'
    assert others[table].abs().max() > 1e-6


def test_the_formula(calls) -> None:
    """In float64: softmax of scores that are not scaled, plus the bias of each distance, over the keys that count."""
    torch.manual_seed(0)
    attention = MT5ForConditionalGeneration(MT5Config(**SIZES)).double().eval().encoder.block[0].layer[0].SelfAttention
    hidden, mask = torch.randn(1, 3, 16, dtype=torch.double), torch.zeros(1, 1, 1, 3, dtype=torch.double)
    mask[..., 1] = torch.finfo(torch.float64).min
    found, _ = fused_attention.attend(attention, hidden, mask)
    query, key, value = (
        (hidden[0] @ layer.weight.t()).view(3, 4, 4) for layer in (attention.q, attention.k, attention.v)
    )
    # Distances of keys behind their query have the table's upper half: 1 is row 17, -1 row 1, 2 row 18, -2 row 2.
    rows = torch.tensor([[0, 17, 18], [1, 0, 17], [2, 1, 0]])
    scores = torch.einsum('qhc,khc->hqk', query, key) + attention.relative_attention_bias.weight[rows].permute(2, 0, 1)
    weights = scores[..., [0, 2]].softmax(dim=-1)
    expected = torch.einsum('hqk,khc->qhc', weights, value[[0, 2]]).flatten(1) @ attention.o.weight.t()
    torch.testing.assert_close(found[0], expected, rtol=0, atol=1e-12)


def test_layers_share_a_bias_whose_rows_are_aligned(calls) -> None:
    model = MT5ForConditionalGeneration(MT5Config(**SIZES))
    use_lean_layers(model.train())
    training_step(model)
    first, second = (call['bias'] for call in calls[:2])
    assert first is second
    assert first.shape == (2, 4, 11, 11)
    for call in calls:
        assert all(step % 8 == 0 for step in call['bias'].stride()[:-1])
    # To the encoder's states no position leads: clips and keys alone are in memory.
    assert {call['bias'].stride()[1:3] for call in calls if call['bias'].shape[2:] == (5, 11)} == {(0, 0)}


def test_dropout_and_computing_again(calls) -> None:
    torch.manual_seed(0)
    model = MT5ForConditionalGeneration(MT5Config(**SIZES, dropout_rate=0.25)).train()
    use_lean_layers(model)
    found = []
    for again in (False, True):
        if again:
            model = deepcopy(model)
            model.gradient_checkpointing_enable(dict(use_reentrant=False))
        calls.clear()
        torch.manual_seed(1)
        found.append(training_step(model)[1])
        assert len(calls) == 6 * (1 + again)
        assert {call['dropout'] for call in calls} == {0.25}
    torch.testing.assert_close(*found)
    calls.clear()
    training_step(model.eval())
    assert {call['dropout'] for call in calls} == {0.0}


def test_half_precision_masks_stay_finite(calls) -> None:
    model = MT5ForConditionalGeneration(MT5Config(**SIZES)).train()
    use_lean_layers(model)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        _, gradients = training_step(model)
    assert {call['query'].dtype for call in calls} == {call['bias'].dtype for call in calls} == {torch.bfloat16}
    assert all(call['bias'].isfinite().all() for call in calls)
    assert all(gradient.isfinite().all() for gradient in gradients.values())


def test_what_it_cannot_do_is_left_to_hugging_face(calls) -> None:
    model = MT5ForConditionalGeneration(MT5Config(**SIZES)).eval()
    tokens = torch.arange(6)[None]
    expected = model.generate(tokens, max_new_tokens=4, num_beams=2)
    use_lean_layers(model)
    assert torch.equal(model.generate(tokens, max_new_tokens=4, num_beams=2), expected)
    calls.clear()
    seen = model(input_ids=tokens, labels=tokens, output_attentions=True, use_cache=False)
    assert len(seen.encoder_attentions) == len(seen.cross_attentions) == 2
    assert not calls


def test_the_cpu_is_left_alone() -> None:
    model = MT5ForConditionalGeneration(MT5Config(**SIZES))
    attention = model.encoder.block[0].layer[0].SelfAttention
    assert fused_attention.is_fusible(attention, torch.zeros(1, 2, 16, device='meta'), {}) is False
    assert fused_attention.DEVICES == ('cuda',)
    assert not fused_attention.is_fusible(attention, torch.zeros(1, 2, 16), {})

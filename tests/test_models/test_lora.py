"""LoRA adapters in the language model: what learns, what is computed, how they come into plain weights."""

import sys

import pytest
import torch

from unisign.checkpoints import load_weights
from unisign.checkpoints.adapters import fit_adapter_names
from unisign.engine.weights import load_into
from unisign.models.language_models import merge_adapters
from unisign.registry import MODELS
from unisign.structures import DataError

LAYER = 'head.language_model.decoder.block.0.layer.1.EncDecAttention.q'


def test_without_peft_the_error_says_how_to_get_it(model_config, monkeypatch):
    monkeypatch.setitem(sys.modules, 'peft', None)
    with pytest.raises(DataError, match=r"model\.head\.lora: needs the package peft .*pip install 'unisign\[lora\]'"):
        MODELS.build(model_config(lora=dict()))


@pytest.fixture
def lora(model_config):
    """A function that builds a model with adapters, by default in q and v."""
    pytest.importorskip('peft', reason='peft is not installed: pip install unisign[lora]')
    return lambda **changes: MODELS.build(model_config(lora=dict(r=2, alpha=8, **changes)))


def learning(model):
    return {name for name, parameter in model.head.named_parameters() if parameter.requires_grad}


def answers(model, make_batch):
    torch.manual_seed(3)
    inputs, samples = make_batch([6, 4])
    with torch.no_grad():
        loss = model.eval()(inputs, samples, mode='loss')['loss']
        predicted = model(inputs, samples, mode='predict')
    return float(loss), [(sample.pred_text, sample.pred_score) for sample in predicted]


def stir(model):
    """Give the adapters weights as training would."""
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if '.lora_' in name:
                weight.normal_(std=0.1)


def test_only_the_adapters_learn_and_what_is_asked_for(lora):
    model = lora()
    # two layers each of encoder and decoder: self-attention in both, cross-attention in one; q and v; A and B
    assert len(learning(model)) == 2 * 3 * 2 * 2
    assert all('.lora_' in name for name in learning(model))
    assert all(weight.requires_grad for weight in model.pose_encoder.parameters())
    layer = model.get_submodule(LAYER)
    assert layer.lora_A.default.weight.shape == (2, 24)
    more = learning(lora(target_modules=['wo'], also_train=['lm_head', '*final_layer_norm']))
    assert {name for name in more if '.lora_' not in name} == {
        f'language_model.{name}.weight' for name in ('lm_head', 'encoder.final_layer_norm', 'decoder.final_layer_norm')
    }
    assert len(more) == 3 + 2 * 2 * 2


def test_the_layer_computes_the_formula(lora):
    model = lora(dropout=0.5).eval()
    stir(model)
    layer = model.get_submodule(LAYER)
    x = torch.randn(5, 24)
    down, up = layer.lora_A.default.weight, layer.lora_B.default.weight
    expected = x @ layer.base_layer.weight.T + 8 / 2 * (x @ down.T @ up.T)
    assert torch.allclose(layer(x), expected, atol=1e-5)


def test_plain_weights_load_into_it_and_it_answers_as_before(lora, tiny_model, make_batch, tmp_path):
    path = tmp_path / 'plain.pth'
    torch.save(dict(state_dict=tiny_model.state_dict()), path)
    model = lora()
    state = fit_adapter_names(torch.load(path, weights_only=True)['state_dict'], model.state_dict(), path)
    assert load_into(model, state, 'plain.pth', strict=False) == ''  # the adapters are new, and nothing else is missing
    assert torch.equal(model.get_submodule(LAYER).base_layer.weight, tiny_model.get_submodule(LAYER).weight)
    (loss, found), (expected, wanted) = answers(model, make_batch), answers(tiny_model, make_batch)
    # Not to the last bit: processors add up in an order that depends on where a weight lies in memory.
    assert [loss, *(score for _, score in found)] == pytest.approx(
        [expected, *(score for _, score in wanted)], rel=1e-5
    )
    assert [text for text, _ in found] == [text for text, _ in wanted]
    with pytest.raises(DataError, match=r'24 missing in the file: .*lora_A'):
        load_weights(lora(), path)  # a test of adapters without adapters


@pytest.mark.parametrize('targets', [['q', 'v'], ['q', 'k', 'v', 'o', 'wi_0', 'wi_1', 'wo']])
def test_merged_it_is_the_plain_model_with_the_same_answers(lora, tiny_model, make_batch, tmp_path, targets):
    model = lora(target_modules=targets)
    model.load_state_dict(fit_adapter_names(tiny_model.state_dict(), model.state_dict(), 'tiny'), strict=False)
    before = answers(model, make_batch)
    stir(model)
    loss, texts = answers(model, make_batch)
    assert abs(loss - before[0]) > 1e-4  # the adapters do something
    expected = model.get_submodule(LAYER).get_delta_weight('default') + tiny_model.get_submodule(LAYER).weight
    assert merge_adapters(model) == (2 * 3 * 2 if len(targets) == 2 else 2 * (3 * 4 + 2 * 3))
    assert torch.allclose(model.get_submodule(LAYER).weight, expected, atol=1e-6)
    assert set(model.state_dict()) == set(tiny_model.state_dict())
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'merged.pth')
    load_weights(tiny_model, tmp_path / 'merged.pth')
    merged_loss, merged_texts = answers(tiny_model, make_batch)
    assert merged_loss == pytest.approx(loss, rel=1e-5)
    assert [text for text, _ in merged_texts] == [text for text, _ in texts]


def test_adapters_are_never_left_out_silently(lora, tiny_model, tmp_path):
    path = tmp_path / 'adapters.pth'
    torch.save(dict(state_dict=lora().state_dict()), path)
    with pytest.raises(DataError, match=r'holds LoRA adapters that the model lacks \(24, .*merge_adapters\.py'):
        load_weights(tiny_model, path, strict=False)
    with pytest.raises(DataError, match='LoRA adapters that the model lacks'):
        load_weights(lora(target_modules=['k']), path, strict=False)


@pytest.mark.parametrize(
    ('wrong', 'message'),
    [
        (dict(rank=4), r'model\.head\.lora: has the unknown keys rank.*Known: r, alpha, dropout, target'),
        (dict(r=0), r'lora\.r: should be a whole number above 0, got 0'),
        (dict(dropout=1.0), r'lora\.dropout: should be from 0 to below 1, got 1\.0'),
        (dict(target_modules=['query']), r"target_modules: 'query' is no linear layer.*There are: .*q, v, wi_0"),
        (dict(also_train=['head']), r"also_train: 'head' fits no part.*shared, encoder, decoder, lm_head"),
    ],
)
def test_wrong_settings_are_named(model_config, wrong, message):
    pytest.importorskip('peft', reason='peft is not installed: pip install unisign[lora]')
    with pytest.raises(DataError, match=message):
        MODELS.build(model_config(lora=wrong))

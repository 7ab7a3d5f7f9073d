import math

import pytest
import torch
from torch import nn

from unisign.models import MT5GenerationHead
from unisign.models.heads import mt5_generation_head
from unisign.registry import MODELS
from unisign.structures import DataError


@pytest.fixture
def head(model_config) -> MT5GenerationHead:
    return MODELS.build(model_config()['head']).eval()


def count_calls(monkeypatch, module, name: str = 'forward') -> list:
    calls, original = [], getattr(module, name)

    def counting(*args, **kwargs):
        calls.append(args)
        return original(*args, **kwargs)

    monkeypatch.setattr(module, name, counting)
    return calls


def test_loss_is_hugging_faces_without_smoothing(head, make_batch) -> None:
    inputs, samples = make_batch([5, 3], texts=['hello you', '今天我想吃面条。 hello'])
    features, mask = torch.randn(2, 5, 24), inputs['mask']
    head.label_smoothing = 0.0
    embeddings, embeddings_mask = head.input_embeddings(features, mask, samples)
    labels, valid = head.codec.target_batch([sample.gt_text for sample in samples])
    assert valid.sum(dim=1).unique().numel() == 2  # padding is in play
    expected = head.language_model(
        inputs_embeds=embeddings, attention_mask=embeddings_mask, labels=labels.masked_fill(~valid, -100)
    ).loss
    losses = head.loss(features, mask, samples)
    assert losses['loss'].item() == pytest.approx(expected.item(), abs=1e-5)
    assert set(losses) == {'loss', 'token_accuracy'} and 0 <= losses['token_accuracy'].item() <= 1
    head.label_smoothing = 0.2
    assert head.loss(features, mask, samples)['loss'].item() != pytest.approx(expected.item(), abs=1e-3)


def test_vocabulary_is_scored_once_and_not_for_padding(head, make_batch, monkeypatch) -> None:
    inputs, samples = make_batch([5, 3], texts=['hello you', '今天我想吃面条。 hello'])
    calls = []
    whole = mt5_generation_head.linear_cross_entropy
    monkeypatch.setattr(mt5_generation_head, 'linear_cross_entropy', lambda *args: calls.append(args) or whole(*args))
    layer_calls = count_calls(monkeypatch, head.language_model.lm_head)
    head.loss(torch.randn(2, 5, 24), inputs['mask'], samples)
    tokens = sum(len(head.codec.target_ids(sample.gt_text)) for sample in samples)
    assert [tuple(hidden.shape) for hidden, *_ in calls] == [(tokens, 24)]
    assert not layer_calls


class ScaledLinear(nn.Linear):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 2 * super().forward(x)


def test_an_output_layer_of_ones_own_is_called(head, make_batch) -> None:
    inputs, samples = make_batch([5, 3], texts=['hello you'])
    features = torch.randn(2, 5, 24)
    head.eval()
    plain = head.loss(features, inputs['mask'], samples)
    layer = head.language_model.lm_head
    own = ScaledLinear(layer.in_features, layer.out_features, bias=False)
    own.weight = nn.Parameter(layer.weight.detach() / 2)
    head.language_model.lm_head = own
    found = head.loss(features, inputs['mask'], samples)
    assert found['loss'].item() == pytest.approx(plain['loss'].item(), rel=1e-5)
    assert found['token_accuracy'] == plain['token_accuracy']


def test_one_look_up_for_prompts_and_targets(head, make_batch, monkeypatch) -> None:
    inputs, samples = make_batch([5, 3], langs=['en', 'zh'], texts=['hello you'])
    calls = count_calls(monkeypatch, head.language_model.shared)
    head.loss(torch.randn(2, 5, 24), inputs['mask'], samples)
    assert len(calls) == 1


@pytest.mark.parametrize('second', ['English', 'Chinese'])  # as long a prompt, and one of another length
def test_prompt_then_frames_without_a_gap(head, make_batch, second: str) -> None:
    inputs, samples = make_batch([5, 3], langs=['en', dict(English='en', Chinese='zh')[second]])
    features = torch.randn(2, 5, 24)
    embeddings, mask = head.input_embeddings(features, inputs['mask'], samples)
    for i, (language, length) in enumerate((('English', 5), (second, 3))):
        ids = head.codec.tokenizer.encode(f'Translate sign language video to {language}: ')
        assert ids[-1] == 1  # the prompt keeps its </s>
        start = len(ids)
        assert torch.equal(embeddings[i, :start], head.language_model.shared(torch.tensor(ids)))
        assert torch.equal(embeddings[i, start : start + length], features[i, :length])
        assert mask[i].tolist() == [1] * (start + length) + [0] * (mask.shape[1] - start - length)


def test_targets_are_cut(model_config, make_batch) -> None:
    head = MODELS.build(model_config(max_target_tokens=3)['head'])
    ids, valid = head.codec.target_batch(['good morning good night', 'hello'])
    assert ids.shape[1] <= 3 and ids[0, -1] == 1 and valid[0].all()


def test_unknown_language_is_an_error(head, make_batch) -> None:
    inputs, samples = make_batch([5], langs=['xx'])
    with pytest.raises(ValueError, match="'xx'"):
        head.loss(torch.randn(1, 5, 24), inputs['mask'], samples)


@pytest.mark.parametrize('vocabularies', [None, {'islr': ['hello', 'help', 'good night']}])
def test_predict_runs_the_encoder_once_and_never_hugging_faces_decoder(
    model_config, make_batch, monkeypatch, vocabularies
) -> None:
    head = MODELS.build(model_config(vocabularies=vocabularies)['head']).eval()
    inputs, samples = make_batch([5, 3], task='islr')
    encoder = count_calls(monkeypatch, mt5_generation_head, 'run_encoder')
    decoder = count_calls(monkeypatch, head.language_model.decoder)
    whole = count_calls(monkeypatch, head.language_model)
    head.predict(torch.randn(2, 5, 24), inputs['mask'], samples)
    assert (len(encoder), len(decoder), len(whole)) == (1, 0, 0)


def test_free_and_closed_answers_in_one_batch(model_config, make_batch) -> None:
    labels = ['hello', 'help', 'good night']
    head = MODELS.build(model_config(vocabularies={'islr': labels}, nbest=2)['head']).eval()
    inputs, samples = make_batch([5, 3, 4])
    samples[1].set_metainfo({'task': 'islr'})
    features = torch.randn(3, 5, 24)
    predicted = head.predict(features, inputs['mask'], samples)
    assert [sample.clip_id for sample in predicted] == ['clip0', 'clip1', 'clip2']
    for sample in predicted:
        assert len(sample.nbest) == 2 and sample.nbest[0] == [sample.pred_text, sample.pred_score]
        assert 1 >= sample.nbest[0][1] >= sample.nbest[1][1] > 0
    assert {text for text, _ in predicted[1].nbest} < set(labels)
    # A clip's answer is the one it gets alone.
    alone = head.predict(features[1:2, :3], inputs['mask'][1:2, :3], samples[1:2])[0]
    assert alone.pred_score == pytest.approx(predicted[1].pred_score, abs=1e-5)


def test_nbest_is_at_most_the_beams(head, make_batch) -> None:
    inputs, samples = make_batch([5])
    assert len(head.predict(torch.randn(1, 5, 24), inputs['mask'], samples)[0].nbest) == 4


def test_labels_from_a_file(model_config, make_batch, tmp_path) -> None:
    (tmp_path / 'labels.txt').write_text('hello\nhelp\n\n今天\n', encoding='utf-8')
    head = MODELS.build(model_config(vocabularies={'islr': str(tmp_path / 'labels.txt')})['head']).eval()
    assert head.vocabularies['islr'].labels == ['hello', 'help', '今天']
    assert not any(name.startswith('vocabularies') for name in head.state_dict())
    inputs, samples = make_batch([4], task='islr')
    nbest = head.predict(torch.randn(1, 4, 24), inputs['mask'], samples)[0].nbest
    assert sum(probability for _, probability in nbest) == pytest.approx(1, abs=1e-5)


def test_a_missing_label_file(model_config) -> None:
    with pytest.raises(DataError, match=r'nowhere\.txt: no such file'):
        MODELS.build(model_config(vocabularies={'islr': 'nowhere.txt'})['head'])


def test_unknown_generation_option(model_config) -> None:
    with pytest.raises(ValueError, match='beams'):
        MODELS.build(model_config(generation=dict(beams=3))['head'])


def test_empty_batch_costs_nothing_and_touches_every_weight(head) -> None:
    features = torch.zeros(0, 0, 24, requires_grad=True)
    losses = head.loss(features, torch.zeros(0, 0, dtype=torch.bool), [])
    losses['loss'].backward()
    assert losses['loss'].item() == 0
    assert all(p.grad is not None and not p.grad.any() for p in head.parameters())
    assert head.predict(features, torch.zeros(0, 0, dtype=torch.bool), []) == []


def test_nan_is_named_not_answered(model_config, make_batch) -> None:
    for vocabularies in (None, {'islr': ['hello', 'help']}):
        head = MODELS.build(model_config(vocabularies=vocabularies)['head']).eval()
        inputs, samples = make_batch([4], task='islr')
        with pytest.raises(FloatingPointError, match='clip0'):
            head.predict(torch.full((1, 4, 24), math.nan), inputs['mask'], samples)


def test_bf16_autocast(head, make_batch) -> None:
    inputs, samples = make_batch([5, 3])
    features = torch.randn(2, 5, 24)
    exact = head.loss(features, inputs['mask'], samples)['loss'].item()
    exact_score = head.predict(features, inputs['mask'], samples)[0].pred_score
    with torch.autocast('cpu', dtype=torch.bfloat16):
        loss = head.loss(features.bfloat16(), inputs['mask'], samples)['loss']
        predicted = head.predict(features.bfloat16(), inputs['mask'], samples)
    assert loss.dtype == torch.float32 and loss.item() == pytest.approx(exact, rel=0.02)
    assert predicted[0].pred_score == pytest.approx(exact_score, rel=0.1)

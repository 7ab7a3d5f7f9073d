"""A model with any language model of the T5 family: it builds, trains a step, and writes as Hugging Face does."""

from pathlib import Path

import pytest
import torch
from transformers.modeling_outputs import BaseModelOutput
from vocabularies import make_folder, make_texts, train_tokenizer

from unisign.models.heads.beam_search import beam_search
from unisign.registry import MODELS

FAMILY = {
    'mT5': ('mt5', dict(feed_forward_proj='gated-gelu', tie_word_embeddings=False)),
    'mT5, tied': ('mt5', dict(feed_forward_proj='gated-gelu', tie_word_embeddings=True)),
    'T5': ('t5', dict(feed_forward_proj='relu', tie_word_embeddings=True)),
    'T5, untied': ('t5', dict(feed_forward_proj='relu', tie_word_embeddings=False)),
    'T5 1.1': ('t5', dict(feed_forward_proj='gated-gelu', tie_word_embeddings=False)),
    'T5, gated, uneven': ('t5', dict(feed_forward_proj='gated-gelu', tie_word_embeddings=True, num_layers=3)),
    'uMT5': ('umt5', dict(feed_forward_proj='gated-gelu', tie_word_embeddings=False)),
}  # fmt: skip


@pytest.fixture(scope='module')
def tokenizer() -> bytes:
    return train_tokenizer(make_texts(300), vocab_size=400)


@pytest.mark.parametrize('kind', FAMILY)
def test_builds_trains_and_writes(tmp_path: Path, tokenizer, model_config, make_batch, kind: str) -> None:
    model_type, config = FAMILY[kind]
    folder = make_folder(tmp_path / 'lm', tokenizer, model_type, **config)
    model = MODELS.build(model_config(language_model=str(folder), pretrained=True, label_smoothing=0.0))
    language_model = model.head.language_model
    assert language_model.config.model_type == model_type
    inputs, samples = make_batch([6, 4], langs=['en', 'zh'], texts=make_texts(2))

    model.head.eval()  # without dropout, Hugging Face's loss is ours
    features = model.extract_feat(inputs)
    embeddings, mask = model.head.input_embeddings(features, inputs['mask'], samples)
    labels, valid = model.head.codec.target_batch([sample.gt_text for sample in samples])
    labels = labels.masked_fill(~valid, -100)
    expected = language_model(inputs_embeds=embeddings, attention_mask=mask, labels=labels).loss
    loss = model.head.loss(features, inputs['mask'], samples)['loss']
    torch.testing.assert_close(loss, expected, atol=1e-5, rtol=1e-5)

    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(4):
        optimizer.zero_grad()
        model(inputs, samples, 'loss')['loss'].backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
        optimizer.step()
    model.head.eval()
    assert model(inputs, samples, 'loss')['loss'] < loss  # both without dropout, which would decide

    model.eval()
    with torch.no_grad():
        states, mask = model.head.encode(model.extract_feat(inputs), inputs['mask'], samples)
        found = beam_search(language_model, states, mask, num_beams=3, max_new_tokens=8).tokens[:, 0]
        theirs = language_model.generate(
            encoder_outputs=BaseModelOutput(states), attention_mask=mask, num_beams=3, max_new_tokens=8, do_sample=False
        )[:, 1:]
    width = min(found.shape[1], theirs.shape[1])
    assert torch.equal(found[:, :width], theirs[:, :width]) and not found[:, width:].any()
    assert all(sample.nbest for sample in model(inputs, samples, 'predict'))

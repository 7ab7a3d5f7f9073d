"""The modules that are exported, run by PyTorch: every kind of language model, padding, cache."""

import pytest
import torch
from onnx_pieces import random_batch
from transformers import (
    MT5Config,
    MT5ForConditionalGeneration,
    T5Config,
    T5ForConditionalGeneration,
    UMT5Config,
    UMT5ForConditionalGeneration,
)

from unisign.deployment.graphs import DecoderGraph, MemoryGraph, PoseEncoderGraph
from unisign.deployment.onnx_decoder import OnnxTextDecoder
from unisign.models.heads.beam_search import beam_search
from unisign.models.heads.gloss_grammar import GlossGrammar
from unisign.models.heads.prefix_tree import PrefixTree
from unisign.models.heads.tree_scoring import score_words, score_words_by_likelihood
from unisign.registry import MODELS

SIZES = dict(vocab_size=40, d_model=16, d_kv=4, d_ff=12, num_layers=2, num_heads=3, decoder_start_token_id=0)
STATES = torch.randn(3, 6, 16, generator=torch.Generator().manual_seed(2))
MASK = (torch.arange(6) < torch.tensor([6, 2, 4])[:, None]).long()
# One a beginning of another, one long, one apart.
WORDS = [[5, 1], [5, 6, 1], [5, 6, 7, 1], [5, 6, 8, 1], [9, 10, 11, 1], [14, *range(10, 38), 1], [13, 1]]


@pytest.fixture(params=['tied', 'untied', 'umt5'])
def model(request):
    torch.manual_seed(1)
    made = {
        'tied': lambda: T5ForConditionalGeneration(T5Config(**SIZES, tie_word_embeddings=True)),
        'untied': lambda: MT5ForConditionalGeneration(MT5Config(**SIZES)),
        'umt5': lambda: UMT5ForConditionalGeneration(UMT5Config(**SIZES, tie_word_embeddings=False)),
    }[request.param]().eval()
    for name, weight in made.named_parameters():
        if 'relative_attention_bias' in name:
            weight.data.normal_()
    return made


@pytest.fixture
def decoder(model):
    """The graphs as they are before the export."""
    memory, step = MemoryGraph(model).eval(), DecoderGraph(model).eval()
    return OnnxTextDecoder(
        model.config,
        embedding=lambda ids: [model.shared(ids)],
        memory=lambda states: list(memory(states)),
        decoder=lambda *inputs: list(step(*inputs)),
        output=lambda states: [model.lm_head(states)],
        output_rows=lambda ids: [model.lm_head.weight[ids]],
    )


@pytest.mark.parametrize('num_beams', [1, 4])
def test_beam_search(model, decoder, num_beams: int) -> None:
    expected = beam_search(model, STATES, MASK, num_beams, 12)
    found = beam_search(decoder, STATES, MASK, num_beams, 12)
    assert torch.equal(found.tokens, expected.tokens)
    assert torch.allclose(found.scores, expected.scores, atol=1e-5)


def test_grammar(model, decoder) -> None:
    grammar = GlossGrammar([[5], [5, 6], [9, 10]], eos=1)
    expected = beam_search(model, STATES, MASK, 3, 6, grammar)
    found = beam_search(decoder, STATES, MASK, 3, 6, grammar)
    assert torch.equal(found.tokens, expected.tokens) and set(found.tokens.flatten().tolist()) <= {0, 1, 5, 6, 9, 10}


@torch.no_grad()
def test_closed_vocabulary(model, decoder) -> None:
    tree = PrefixTree(WORDS, 0)
    assert torch.allclose(score_words(decoder, tree, STATES, MASK), score_words(model, tree, STATES, MASK), atol=1e-5)
    tree = PrefixTree(WORDS, 0, only_choices=False)
    expected = score_words_by_likelihood(model, tree, STATES, MASK)
    assert torch.allclose(score_words_by_likelihood(decoder, tree, STATES, MASK), expected, atol=1e-5)


@pytest.mark.parametrize('padding', ['masked', 'replicate'])
@torch.no_grad()
def test_pose_encoder_by_shapes_alone(tiny_language_model, monkeypatch, padding: str) -> None:
    model = MODELS.build(
        dict(
            type='UniSign',
            padding=padding,
            pose_encoder=dict(
                type='PartGCNEncoder', embed_channels=4, spatial_channels=(4, 6), temporal_channels=(6, 8, 8),
                out_channels=24, projection_std=1.0,
            ),
            head=dict(type='MT5GenerationHead', language_model=str(tiny_language_model), pretrained=False),
        )
    )  # fmt: skip
    for norm in model.modules():
        if isinstance(norm, torch.nn.BatchNorm2d):  # statistics that would tell a padded frame from a zero
            norm.running_mean.normal_()
            norm.bias.normal_()
    model.eval()
    graph, inputs = PoseEncoderGraph(model).eval(), random_batch((9, 1, 4))
    expected = model.extract_feat(inputs)
    monkeypatch.setattr(torch.compiler, 'is_compiling', lambda: True)  # as while it is traced
    found = graph(*inputs['parts'].values(), inputs['mask'])
    assert expected.abs().max() > 0.1
    assert torch.allclose(found, expected, atol=1e-5)
    assert model.pose_encoder.make_timeline is not graph.model.pose_encoder.make_timeline

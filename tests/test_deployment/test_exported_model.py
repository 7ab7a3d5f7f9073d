"""An exported model answers as PyTorch's does."""

import json

import onnx_pieces
import pytest
import torch

from unisign.apis import SignInferencer
from unisign.deployment import OnnxSignModel
from unisign.deployment.folder import read_description
from unisign.models.heads.prefix_tree import PrefixTree
from unisign.models.heads.tree_scoring import score_words_by_likelihood

pytestmark = pytest.mark.slow  # the first of them exports


@pytest.mark.parametrize('lengths', [(1,), (2, 9), (30, 1, 12, 5)])
def test_features_of_any_batch(torch_model, onnx_model, lengths) -> None:
    inputs = onnx_pieces.random_batch(lengths)
    with torch.no_grad():
        expected = torch_model(inputs)
    features = onnx_model(inputs)
    assert expected.abs().max() > 1
    assert (features - expected).abs().max() < 1e-4 * expected.abs().max()
    assert not features[~inputs['mask']].any()


@pytest.mark.parametrize('task', ['slt', 'cslr', 'islr'])
@pytest.mark.parametrize('batch_size', [1, 8])
def test_answers_are_pytorchs(torch_model, exported, clips, task: str, batch_size: int) -> None:
    theirs = SignInferencer(torch_model, task=task, lang='en', batch_size=batch_size)(clips)
    ours = SignInferencer(exported.float32, task=task, lang='en', batch_size=batch_size)(clips)
    assert [answer.failure for answer in ours] == [''] * 8
    assert len({str(answer.nbest) for answer in theirs}) > 3, 'a model that always says the same would prove nothing'
    for own, expected in zip(ours, theirs, strict=True):
        assert [text for text, _ in own.nbest] == [text for text, _ in expected.nbest]
        assert [score for _, score in own.nbest] == pytest.approx([score for _, score in expected.nbest], abs=1e-4)


def test_languages_of_one_batch(torch_model, onnx_model) -> None:
    """Prompts of two lengths in a batch."""
    inputs = onnx_pieces.random_batch((8, 3, 5))
    expected = torch_model.head.predict(
        torch_model.extract_feat(inputs), inputs['mask'], onnx_pieces.samples('slt', ('en', 'zh', 'en'))
    )
    found = onnx_model(inputs, onnx_pieces.samples('slt', ('en', 'zh', 'en')), 'predict')
    assert [sample.nbest[0][0] for sample in found] == [sample.nbest[0][0] for sample in expected]


def test_likelihood_over_the_vocabulary(torch_model, onnx_model) -> None:
    tree = PrefixTree([[5, 1], [5, 6, 1], [5, 6, 7, 1], [8, 9, 1]], 0, only_choices=False)
    states = torch.randn(2, 6, 128)
    mask = torch.tensor([[1] * 6, [1] * 2 + [0] * 4])
    expected = score_words_by_likelihood(torch_model.head.language_model, tree, states, mask)
    found = score_words_by_likelihood(onnx_model.decoder, tree, states, mask)
    assert torch.allclose(found, expected, atol=1e-4)


def test_a_text_longer_than_the_position_buckets(torch_model, onnx_model) -> None:
    states, mask = torch.randn(1, 3, 128), torch.ones(1, 3, dtype=torch.long)
    tokens = [
        onnx_pieces.greedy(model, states, mask, 160) for model in (torch_model.head.language_model, onnx_model.decoder)
    ]
    assert torch.allclose(*tokens, atol=1e-4)


def test_the_description(exported) -> None:
    made = read_description(exported.float32)
    graphs = {'pose_encoder', 'text_encoder', 'memory', 'decoder', 'output', 'embedding'}
    assert made.equality.keys() == graphs and all(0 <= value <= 1e-4 for value in made.equality.values())
    assert made.vocabularies == {'islr': 'labels_islr.txt', 'cslr': 'labels_cslr.txt'} and not made.int8
    assert [step['type'] for step in made.dataset['pipeline']][-2:] == ['NormalizeParts', 'PackSignInputs']
    text = (exported.float32 / 'export.json').read_text(encoding='utf-8')
    assert str(exported.float32.parent) not in text and '/' not in json.loads(text)['made_by']['checkpoint']


def test_int8_is_smaller_and_near(exported, onnx_model, clips) -> None:
    small = OnnxSignModel(str(exported.int8))
    sizes = [sum(path.stat().st_size for path in folder.glob('*.*')) for folder in (exported.float32, exported.int8)]
    assert small.description.int8 and sizes[1] < 0.45 * sizes[0]
    embeddings, mask = torch.randn(2, 12, 128), torch.ones(2, 12, dtype=torch.long)
    exact, rough = onnx_model.text_encoder(embeddings, mask)[0], small.text_encoder(embeddings, mask)[0]
    assert not torch.equal(exact, rough)
    assert torch.cosine_similarity(exact.flatten(), rough.flatten(), dim=0) > 0.99
    answers = SignInferencer(exported.int8, task='islr', lang='en')(clips)
    labels = (exported.int8 / 'labels_islr.txt').read_text(encoding='utf-8').splitlines()
    assert all(answer.text in labels and 0 < answer.score < 1 for answer in answers)

import pytest
import torch

from unisign.models.heads.closed_vocabulary import ClosedVocabulary, read_labels
from unisign.models.heads.text_codec import TextCodec
from unisign.models.language_models import DEFAULT_PROMPT, load_language_model, load_tokenizer
from unisign.structures import DataError


@pytest.fixture(scope='module')
def codec(tiny_language_model) -> TextCodec:
    return TextCodec(load_tokenizer(str(tiny_language_model)), DEFAULT_PROMPT, 50)


@pytest.mark.parametrize('ranking', ['tree', 'likelihood'])
def test_ranking(codec, tiny_language_model, ranking: str) -> None:
    torch.manual_seed(0)
    model = load_language_model(str(tiny_language_model), pretrained=False).eval()
    labels = ['hello', 'hello you', 'help', '面条', 'good morning']
    vocabulary = ClosedVocabulary(labels, codec, 0, ranking)
    states, mask = torch.randn(2, 5, 24), torch.ones(2, 5, dtype=torch.long)
    for nbest in vocabulary.rank(model, states, mask, 9):
        assert sorted(label for label, _ in nbest) == sorted(labels)
        probabilities = [p for _, p in nbest]
        assert probabilities == sorted(probabilities, reverse=True)
        assert (sum(probabilities) == pytest.approx(1, abs=1e-5)) == (ranking == 'tree')
    assert [len(nbest) for nbest in vocabulary.rank(model, states, mask, 3)] == [3, 3]


@pytest.mark.parametrize(
    ('labels', 'message'),
    [
        ([], 'no label'),
        (['hello', ' '], 'empty'),
        (['hello', 'help', 'hello'], "duplicates.*'hello'"),
        (['good  night', 'good night'], "alike.*'good  night', 'good night'"),
    ],
)
def test_refused_labels(codec, labels: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        ClosedVocabulary(labels, codec, 0, source='labels.txt')


def test_unknown_ranking(codec) -> None:
    with pytest.raises(ValueError, match='best'):
        ClosedVocabulary(['hello'], codec, 0, ranking='best')


def test_label_files(tmp_path) -> None:
    (tmp_path / 'labels.txt').write_bytes('hello\r\n\n 你好 \n'.encode())
    assert read_labels(tmp_path / 'labels.txt') == ['hello', '你好']
    (tmp_path / 'broken.txt').write_bytes(b'\xff\xfe\x00')
    with pytest.raises(DataError, match='UTF-8'):
        read_labels(tmp_path / 'broken.txt')

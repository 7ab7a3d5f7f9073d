import random
from itertools import product

import pytest
import torch
from transformers import MT5Config, MT5ForConditionalGeneration, UMT5Config, UMT5ForConditionalGeneration

from unisign.models.heads import closed_vocabulary, tree_search
from unisign.models.heads.prefix_tree import PrefixTree
from unisign.models.heads.tree_scoring import score_words
from unisign.models.heads.tree_search import best_words

SIZES = dict(vocab_size=40, d_model=16, d_kv=4, d_ff=12, num_layers=2, num_heads=3, decoder_start_token_id=0)
# Shared prefixes, a word that is another's beginning, a long one with nothing to choose on the way, one apart.
WORDS = [
    [5, 1], [5, 6, 1], [5, 6, 7, 1], [5, 6, 8, 1], [9, 10, 11, 1], [9, 10, 12, 1], [13, 1],
    [14, *range(10, 20), 1], [14, *range(10, 20), 20, 1],
]  # fmt: skip
LONG_WORDS = [[*tokens, 1] for tokens in product(range(2, 8), repeat=3)]  # none ends before the others
STATES = torch.randn(3, 6, 16, generator=torch.Generator().manual_seed(2))
MASK = (torch.arange(6) < torch.tensor([6, 2, 4])[:, None]).long()


def make_model(sharpness: float = 1.0, kind: str = 'mt5') -> torch.nn.Module:
    """Return a model with random weights; its output layer's are scaled."""
    torch.manual_seed(1)
    make = {'mt5': (MT5ForConditionalGeneration, MT5Config), 'umt5': (UMT5ForConditionalGeneration, UMT5Config)}[kind]
    model = make[0](make[1](**SIZES, tie_word_embeddings=False)).eval()
    model.lm_head.weight.data.normal_(0, 0.25 * sharpness)
    return model


def many_words() -> list[list[int]]:
    choose = random.Random(0)
    made = {tuple(choose.choices(range(2, 12), k=choose.randint(1, 4))) for _ in range(400)}
    return [[*word, 1] for word in sorted(made)]


@pytest.fixture
def unlimited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree_search, 'LARGEST_SHARE', 1e9)


@pytest.mark.parametrize('words', [WORDS, many_words()], ids=['few', 'many'])
@pytest.mark.parametrize('sharpness', [0.0, 1.0, 8.0])
@pytest.mark.parametrize('kind', ['mt5', 'umt5'])
def test_the_best_of_all_words(unlimited, words, sharpness: float, kind: str) -> None:
    model, tree = make_model(sharpness, kind), PrefixTree(words, 0)
    everything = score_words(model, tree, STATES, MASK)
    for count in (1, 5, len(words)):
        values, indices = best_words(model, tree, STATES, MASK, count)
        torch.testing.assert_close(values, everything.topk(count).values, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(everything.gather(1, indices), values, atol=1e-5, rtol=1e-5)
        assert all(len(set(row)) == count for row in indices.tolist())


def test_worked_by_hand(unlimited, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten words with a first token of their own, at 0.6 and 0.04; two behind another, at 0.04 times 0.5: not read."""
    words = [[token, 1] for token in range(2, 12)] + [[12, 2, 1], [12, 3, 1]]
    tree, read, model = PrefixTree(words, 0), [], make_model()
    model.lm_head.weight.data.zero_()
    model.lm_head.weight.data[4] = torch.tensor(15.0).log() / 16  # 15 parts of 25, the ten others one each

    def states(steps, tokens):
        read.append(tokens.tolist())
        return torch.ones(*tokens.shape, 16)

    monkeypatch.setattr(tree_search.TorchSteps, 'read', states)
    monkeypatch.setattr(tree_search.TorchSteps, 'reorder', lambda steps, origin: None)
    values, indices = best_words(model, tree, STATES[:1], MASK[:1], 2)
    assert indices[0, 0] == 2 and values.exp()[0].tolist() == pytest.approx([0.6, 0.04])
    assert read == [[[0]]] * 2  # the likeliest alone, then all
    read.clear()
    values, _ = best_words(model, tree, STATES[:1], MASK[:1], 12)
    assert values.exp().sum().item() == pytest.approx(1) and values.exp()[0, -1].item() == pytest.approx(0.02)
    assert read == [[[0]], [[12]]] * 2


def test_the_likeliest_prefix_need_not_have_the_likeliest_word(unlimited, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind the first token at 0.55 four words at a quarter each, behind the other at 0.45 one that is certain."""
    words = [[2, token, 1] for token in (2, 3, 4, 5)] + [[3, 6, 1], [3, 7, 1]]
    tree, model = PrefixTree(words, 0), make_model()
    head = torch.full((40, 16), 0.0)
    head[2, 0], head[3, 0] = torch.tensor([0.55, 0.45]).log()  # at the root
    head[7, 1] = -50.0  # behind 3 the word with 7 is out of the question
    model.lm_head.weight.data.copy_(head)
    at = {0: torch.eye(16)[0], 2: torch.zeros(16), 3: torch.eye(16)[1]}
    monkeypatch.setattr(
        tree_search.TorchSteps, 'read', lambda steps, tokens: torch.stack([at[int(t)] for t in tokens[0]])[None]
    )
    monkeypatch.setattr(tree_search.TorchSteps, 'reorder', lambda steps, origin: None)
    values, indices = best_words(model, tree, STATES[:1], MASK[:1], 1)
    assert indices.tolist() == [[4]] and values.exp().item() == pytest.approx(0.45)


def test_a_sure_model_reads_few_nodes(unlimited, monkeypatch: pytest.MonkeyPatch) -> None:
    tree, read = PrefixTree(LONG_WORDS, 0), []
    real = tree_search.TorchSteps.read
    monkeypatch.setattr(
        tree_search.TorchSteps, 'read', lambda steps, tokens: (read.append(tokens.shape[1]), real(steps, tokens))[1]
    )
    best_words(make_model(sharpness=20), tree, STATES, MASK, 1)
    sure = sum(read)
    read.clear()
    best_words(make_model(sharpness=0), tree, STATES, MASK, 1)
    # Once down to one word and once more; the unsure one goes down once and then reads all.
    assert sure <= 6 and sum(read) == 3 + len(tree.tokens) == 3 + 1 + 6 + 36


def test_an_unsure_model_is_left_to_the_single_pass() -> None:
    assert best_words(make_model(sharpness=0), PrefixTree(LONG_WORDS, 0), STATES, MASK, 5) is None
    assert best_words(make_model(sharpness=20), PrefixTree(LONG_WORDS, 0), STATES, MASK, 1) is not None


def test_a_single_word_is_left_to_the_single_pass() -> None:
    assert best_words(make_model(), PrefixTree([[5, 1]], 0), STATES, MASK, 1) is None


@pytest.mark.parametrize('sharpness', [1.0, 20.0])
def test_a_vocabulary_answers_alike_either_way(monkeypatch: pytest.MonkeyPatch, sharpness: float) -> None:
    class Codec:
        def target_ids(self, text: str) -> list[int]:
            return [*map(int, text.split()), 1]

    words = [' '.join(map(str, word[:-1])) for word in many_words()]
    vocabulary = closed_vocabulary.ClosedVocabulary(words, Codec(), 0)
    model = make_model(sharpness)
    answers = vocabulary.rank(model, STATES, MASK, 5)
    monkeypatch.setattr(closed_vocabulary, 'best_words', lambda *arguments: None)
    expected = vocabulary.rank(model, STATES, MASK, 5)
    for ours, theirs in zip(answers, expected, strict=True):
        assert [label for label, _ in ours] == [label for label, _ in theirs]
        assert [p for _, p in ours] == pytest.approx([p for _, p in theirs], rel=1e-4)

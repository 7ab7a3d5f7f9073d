import pytest
import torch
from transformers import T5Config, T5ForConditionalGeneration, UMT5Config, UMT5ForConditionalGeneration
from transformers.modeling_outputs import BaseModelOutput

from unisign.models.heads import tree_scoring
from unisign.models.heads.prefix_tree import PrefixTree
from unisign.models.heads.tree_scoring import score_words, score_words_by_likelihood

SIZES = dict(vocab_size=40, d_model=16, d_kv=4, d_ff=12, num_layers=2, num_heads=3, decoder_start_token_id=0)
# Shared prefixes, a word that is another's beginning, a long one (past the first position buckets), one apart.
WORDS = [
    [5, 1], [5, 6, 1], [5, 6, 7, 1], [5, 6, 8, 1], [9, 10, 11, 1], [9, 10, 12, 1], [13, 1],
    [14, *range(10, 38), 1], [14, *range(10, 38), 38, 1],
]  # fmt: skip


def models() -> dict[str, torch.nn.Module]:
    torch.manual_seed(1)
    made = {
        'tied': T5ForConditionalGeneration(T5Config(**SIZES, tie_word_embeddings=True)),
        'untied': T5ForConditionalGeneration(T5Config(**SIZES, tie_word_embeddings=False, is_gated_act=True)),
        'umt5': UMT5ForConditionalGeneration(UMT5Config(**SIZES, tie_word_embeddings=False)),
    }
    for model in made.values():
        for name, weight in model.named_parameters():
            if 'relative_attention_bias' in name:
                weight.data.normal_()
    return {name: model.eval() for name, model in made.items()}


MODELS = models()
STATES = torch.randn(3, 6, 16, generator=torch.Generator().manual_seed(2))
MASK = (torch.arange(6) < torch.tensor([6, 2, 4])[:, None]).long()


def each_word_alone(model, words: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Log probabilities [B, words] by Hugging Face's decoder: among what the words allow, and over the vocabulary."""
    allowed: dict[tuple, list[int]] = {}
    for word in words:
        for i, token in enumerate(word):
            if token not in allowed.setdefault(tuple(word[:i]), []):
                allowed[tuple(word[:i])].append(token)
    among, likelihood = [], []
    for word in words:
        logits = model(
            encoder_outputs=BaseModelOutput(last_hidden_state=STATES),
            attention_mask=MASK,
            decoder_input_ids=torch.tensor([[0, *word[:-1]]] * len(STATES)),
        ).logits
        among.append(
            sum(
                logits[:, i, allowed[tuple(word[:i])]].log_softmax(dim=-1)[:, allowed[tuple(word[:i])].index(token)]
                for i, token in enumerate(word)
            )
        )
        likelihood.append(sum(logits.log_softmax(dim=-1)[:, i, token] for i, token in enumerate(word)))
    return torch.stack(among, dim=1), torch.stack(likelihood, dim=1)


@pytest.mark.parametrize('name', MODELS)
@pytest.mark.parametrize('chunk', [None, 300])
@torch.no_grad()
def test_every_word_as_if_scored_alone(name: str, chunk: int | None, monkeypatch) -> None:
    if chunk:
        monkeypatch.setattr(tree_scoring, 'CHUNK_NUMBERS', chunk)
    model = MODELS[name]
    among, likelihood = each_word_alone(model, WORDS)
    ours = score_words(model, PrefixTree(WORDS, 0), STATES, MASK)
    assert torch.allclose(ours.exp(), among.exp(), atol=1e-6) and torch.allclose(ours, among, atol=1e-4)
    assert torch.allclose(ours.exp().sum(dim=1), torch.ones(3), atol=1e-5)
    ours = score_words_by_likelihood(model, PrefixTree(WORDS, 0, only_choices=False), STATES, MASK)
    assert torch.allclose(ours, likelihood, atol=1e-3) and torch.allclose(ours.exp(), likelihood.exp(), atol=1e-6)
    assert (ours.exp().sum(dim=1) < 1).all()


def test_scoring_of_choices_alone_and_of_everything_agree() -> None:
    model = MODELS['untied']
    few = score_words(model, PrefixTree(WORDS, 0), STATES, MASK)
    all_ = score_words(model, PrefixTree(WORDS, 0, only_choices=False), STATES, MASK)
    assert torch.allclose(few, all_, atol=1e-5)


def test_a_single_word_is_certain() -> None:
    scores = score_words(MODELS['untied'], PrefixTree([[5, 6, 1]], 0), STATES, MASK)
    assert torch.equal(scores, torch.zeros(3, 1))


def test_the_decoder_runs_once_for_all_words(monkeypatch) -> None:
    model, calls = MODELS['untied'], []
    layer = model.decoder.block[0].layer[-1].layer_norm
    handle = layer.register_forward_hook(lambda module, args, output: calls.append(output.shape))
    tree = PrefixTree(WORDS, 0)
    score_words(model, tree, STATES, MASK)
    handle.remove()
    assert calls == [(3, len(tree.tokens), 16)]

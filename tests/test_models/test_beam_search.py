from types import SimpleNamespace

import pytest
import torch
from transformers import GenerationConfig
from transformers.modeling_outputs import BaseModelOutput

from unisign.models.heads import packed_weights
from unisign.models.heads.beam_search import beam_search
from unisign.models.language_models import load_language_model


@pytest.fixture(scope='module')
def model(tiny_language_model):
    torch.manual_seed(3)
    return load_language_model(str(tiny_language_model), pretrained=False).eval()


@pytest.mark.parametrize('packed_after', [0, 10**6])
@pytest.mark.parametrize(('num_beams', 'max_new_tokens'), [(1, 8), (2, 1), (3, 6), (4, 15)])
def test_answers_are_hugging_faces(
    model, num_beams: int, max_new_tokens: int, packed_after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packed_weights, 'USES', packed_after)
    packed_weights.forget_packed(model)
    states = torch.randn(5, 7, 24)
    mask = (torch.arange(7) < torch.tensor([7, 3, 5, 1, 6])[:, None]).long()
    model.lm_head.weight.data[1] = model.lm_head.weight.data[5] * 0.9  # so that texts end at different lengths
    output = model.generate(
        encoder_outputs=BaseModelOutput(last_hidden_state=states),
        attention_mask=mask,
        generation_config=GenerationConfig(
            num_beams=num_beams, num_return_sequences=num_beams, max_new_tokens=max_new_tokens, do_sample=False,
            decoder_start_token_id=0, eos_token_id=1, pad_token_id=0, return_dict_in_generate=True, output_scores=True,
        ),
    )  # fmt: skip
    found = beam_search(model, states, mask, num_beams, max_new_tokens)
    theirs = output.sequences[:, 1:].view(5, num_beams, -1)
    assert torch.equal(found.tokens[..., : theirs.shape[-1]], theirs)
    assert not found.tokens[..., theirs.shape[-1] :].any()
    if num_beams > 1:
        assert torch.allclose(found.scores, output.sequences_scores.view(5, num_beams), atol=1e-5)


class Scripted:
    """A decoder whose texts are token 5 again and again, till each clip's length."""

    config = SimpleNamespace(eos_token_id=1, pad_token_id=0, decoder_start_token_id=0)

    def __init__(self, lengths: list[int]) -> None:
        self.lengths, self.rows = torch.tensor(lengths), []

    def start(self, states, mask) -> 'Scripted':
        return self

    def read(self, tokens):
        self.rows.append(len(tokens))
        return torch.zeros(*tokens.shape, 1)

    def logits(self, states, tokens=None):
        scores = torch.zeros(*states.shape[:2], 9)
        scores[..., 5] = 20
        scores[self.lengths == len(self.rows), :, 1] = 50
        return scores

    def reorder(self, origin) -> None:
        pass

    def edge_logits(self, tree, states, mask, over_vocabulary):
        raise NotImplementedError

    def select(self, clips) -> None:
        self.lengths = self.lengths[clips]


def test_clips_that_are_done_are_left_out_once_they_are_half() -> None:
    lengths = [1, 2, 2, 4, 6, 8]
    decoder = Scripted(lengths)
    found = beam_search(decoder, torch.zeros(6, 1, 1), torch.ones(6, 1), num_beams=1, max_new_tokens=9)
    assert decoder.rows == [6, 6, 3, 3, 3, 3, 1, 1]
    for tokens, length in zip(found.tokens[:, 0].tolist(), lengths, strict=True):
        assert tokens == [5] * (length - 1) + [1] + [0] * (9 - length)


def test_score_is_the_mean_log_probability(model) -> None:
    states, mask = torch.randn(1, 4, 24), torch.ones(1, 4, dtype=torch.long)
    found = beam_search(model, states, mask, num_beams=3, max_new_tokens=5)
    for tokens, score in zip(found.tokens[0], found.scores[0], strict=True):
        ids = tokens[: tokens.tolist().index(1) + 1] if 1 in tokens else tokens
        logits = model(
            encoder_outputs=BaseModelOutput(last_hidden_state=states),
            decoder_input_ids=torch.cat([torch.tensor([0]), ids[:-1]])[None],
        ).logits[0]
        expected = logits.log_softmax(dim=-1).gather(1, ids[:, None]).mean()
        assert score.item() == pytest.approx(expected.item(), abs=1e-5)


def test_a_clip_does_not_depend_on_the_batch(model) -> None:
    states = torch.randn(3, 6, 24)
    mask = (torch.arange(6) < torch.tensor([6, 2, 4])[:, None]).long()
    together = beam_search(model, states, mask, 2, 10)
    for i in range(3):
        length = int(mask[i].sum())
        alone = beam_search(model, states[i : i + 1, :length], mask[i : i + 1, :length], 2, 10)
        assert torch.equal(alone.tokens[0], together.tokens[i])
        assert torch.allclose(alone.scores[0], together.scores[i], atol=1e-5)

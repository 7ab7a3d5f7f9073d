import itertools
import math
from collections import Counter

import pytest
import torch
from transformers.modeling_outputs import BaseModelOutput

from unisign.models.heads.beam_search import beam_search
from unisign.models.heads.gloss_grammar import END, FORBIDDEN, GlossGrammar
from unisign.models.heads.gloss_vocabulary import GlossVocabulary
from unisign.models.heads.text_codec import TextCodec
from unisign.models.language_models import DEFAULT_PROMPT, load_language_model, load_tokenizer
from unisign.registry import MODELS
from unisign.structures import DataError

GLOSSES = ('hello', 'help', 'good', '面条', 'morning')


@pytest.fixture(scope='module')
def codec(tiny_language_model) -> TextCodec:
    return TextCodec(load_tokenizer(str(tiny_language_model)), DEFAULT_PROMPT, 50)


@pytest.fixture(scope='module')
def model(tiny_language_model):
    torch.manual_seed(0)
    return load_language_model(str(tiny_language_model), pretrained=False).eval()


def accepts(grammar: GlossGrammar, tokens: list[int]) -> bool:
    state, known = 0, grammar.tokens.tolist()
    for token in tokens:
        state = int(grammar.next_state[state, known.index(token)]) if token in known else FORBIDDEN
        if state == FORBIDDEN:
            return False
    return state == END


def test_grammar_by_hand() -> None:
    # Glosses 5, 5 6 and 6 5; </s> = 1. A 6 after a 5 may end "5 6" or begin "6 5".
    grammar = GlossGrammar([[5], [5, 6], [6, 5]], eos=1)
    glosses = ([5], [5, 6], [6, 5])
    allowed = {
        tuple(itertools.chain(*combination))
        for length in (1, 2, 3, 4)
        for combination in itertools.product(glosses, repeat=length)
    }
    for length in range(5):
        for text in itertools.product((5, 6), repeat=length):
            assert accepts(grammar, [*text, 1]) == (text in allowed), text
    assert not accepts(grammar, [1])
    assert not accepts(grammar, [5, 7, 1])


def test_texts_of_glosses_are_cut_into_their_tokens(codec) -> None:
    vocabulary = GlossVocabulary(GLOSSES, codec)
    for text in ('hello', 'good morning', '面条 good 面条 help'):
        assert accepts(vocabulary.grammar, codec.target_ids(text))
    assert not accepts(vocabulary.grammar, codec.target_ids('good night'))


def test_answers_are_glosses(codec, model) -> None:
    vocabulary = GlossVocabulary(GLOSSES, codec)
    states, mask = torch.randn(4, 5, 24), torch.ones(4, 5, dtype=torch.long)
    for nbest in vocabulary.write(model, states, mask, 3, num_beams=3, max_new_tokens=9):
        assert len(nbest) == 3
        assert all(text and set(text.split()) <= set(GLOSSES) for text, _ in nbest)
        assert 1 >= nbest[0][1] >= nbest[1][1] > 0


def test_score_is_the_mean_log_probability_among_the_allowed(codec, model) -> None:
    grammar = GlossVocabulary(GLOSSES, codec).grammar
    states, mask = torch.randn(1, 5, 24), torch.ones(1, 5, dtype=torch.long)
    found = beam_search(model, states, mask, 2, 8, grammar)
    ids = found.tokens[0, 0][: found.tokens[0, 0].tolist().index(1) + 1 if 1 in found.tokens[0, 0] else 8]
    logits = model(
        encoder_outputs=BaseModelOutput(last_hidden_state=states),
        decoder_input_ids=torch.cat([torch.tensor([0]), ids[:-1]])[None],
    ).logits[0]
    state, expected = 0, 0.0
    for token, scores in zip(ids.tolist(), logits, strict=True):
        following = grammar.next_state[state]
        allowed = grammar.tokens[following != FORBIDDEN].tolist()
        expected += scores[allowed].log_softmax(dim=0)[allowed.index(token)].item()
        state = int(following[grammar.tokens.tolist().index(token)])
    assert found.scores[0, 0].item() == pytest.approx(expected / len(ids), abs=1e-5)


def test_a_gloss_cut_in_two_is_left_out(codec) -> None:
    assert GlossVocabulary(GLOSSES, codec)._whole('good hello hel') == 'good hello'


def test_in_the_head(model_config, make_batch) -> None:
    head = MODELS.build(model_config(vocabularies={'cslr': list(GLOSSES)})['head']).eval()
    inputs, samples = make_batch([5, 3], task='cslr')
    for sample in head.predict(torch.randn(2, 5, 24), inputs['mask'], samples):
        assert set(sample.pred_text.split()) <= set(GLOSSES)
        assert math.isfinite(sample.pred_score)


def test_targets_are_checked_gloss_by_gloss(codec) -> None:
    vocabulary = GlossVocabulary(GLOSSES, codec, 'glosses.txt')
    assert vocabulary.check_targets(Counter({'good morning': 2, 'hello': 1}), 'dev.jsonl', training=True) == []
    (line,) = vocabulary.check_targets(Counter({'good night': 2, 'hello': 1}), 'dev.jsonl', training=False)
    assert "2 clips have labels that are not in glosses.txt: 'night'" in line
    with pytest.raises(DataError, match='night'):
        vocabulary.check_targets(Counter({'good night': 2}), 'train.jsonl', training=True)


@pytest.mark.parametrize('glosses', [[], ['good morning'], ['good', ' ']])
def test_refused_glosses(codec, glosses: list[str]) -> None:
    with pytest.raises(DataError, match='glosses without spaces'):
        GlossVocabulary(glosses, codec)

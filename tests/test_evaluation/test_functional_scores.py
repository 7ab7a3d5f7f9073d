"""The plain scoring functions against hand-worked values and the golden examples."""

import itertools
import json

import pytest

from unisign.evaluation.functional import (
    ErrorCounts,
    bleu,
    chrf,
    count_errors,
    is_character_language,
    prepare_hypothesis,
    prepare_reference,
    rouge_l,
    score_cslr,
    score_islr,
    score_slt,
)
from unisign.structures import DataError

SCORERS = {
    'slt_zh': lambda references, hypotheses: score_slt(references, hypotheses, 'zh'),
    'slt_en': lambda references, hypotheses: score_slt(references, hypotheses, 'en'),
    'cslr': score_cslr,
    'islr': score_islr,
}


@pytest.fixture(scope='module')
def golden(shared):
    return json.loads((shared / 'golden' / 'metrics.json').read_text(encoding='utf-8'))


@pytest.mark.parametrize('name', SCORERS)
def test_golden(golden, name):
    example = golden[name]
    scores = SCORERS[name](example['references'], example['hypotheses'])
    assert {key: scores[key] for key in example['expected']} == pytest.approx(example['expected'], abs=1e-6, rel=0)


def test_golden_covers_every_scorer(golden):
    assert set(golden) == set(SCORERS)


def test_golden_jiwer_and_preparation(golden):
    cslr, slt = golden['cslr'], golden['slt_zh']
    assert score_cslr(cslr['references'], cslr['hypotheses'])['wer_jiwer'] == pytest.approx(100 * 21 / 37, abs=1e-9)
    assert [prepare_reference(text, 'zh') for text in slt['references']] == slt['scored_references']
    assert [prepare_hypothesis(text, 'zh') for text in slt['hypotheses']] == slt['scored_hypotheses']


def test_islr_by_hand():
    # Classes: a 2 of 3, b 0 of 1. 'A' and 'b ' are other strings than 'a' and 'b'.
    scores = score_islr(['a', 'a', 'a', 'b'], ['a', 'a', 'A', 'b '])
    assert scores == pytest.approx({'top1_per_instance': 50.0, 'top1_per_class': 100 * (2 / 3 + 0) / 2})


def test_islr_top5_reads_five_candidates():
    nbest = [['x', 'a'], ['p', 'q', 'r', 's', 't', 'a'], [], []]
    scores = score_islr(['a', 'a', 'b', 'b'], ['x', 'p', 'b', ''], nbest)
    # 1: second candidate; 2: only sixth; 3: no candidates, the hypothesis counts; 4: a clip that could not be read.
    assert scores['top5_per_instance'] == 50.0
    assert scores['top5_per_class'] == 50.0
    assert scores['top1_per_instance'] == 25.0


@pytest.mark.parametrize(
    ('reference', 'hypothesis', 'expected'),
    [
        ('f f a c e', 'c g e h b', (0, 3, 3)),  # spec.md section 6: 6 errors, the edit distance has 5
        ('a b c', 'a b c', (0, 0, 0)),
        ('a b c', 'a x c', (1, 0, 0)),
        ('a b', '', (0, 2, 0)),
        ('', 'a b c', (0, 0, 3)),
        ('', '', (0, 0, 0)),
        ('a b', 'b', (0, 1, 0)),
        ('a b c', 'c a b', (0, 1, 1)),
        ('p q m', 'm r s', (0, 2, 2)),  # 3 substitutions cost as much: from the end, insertion comes first
    ],
)
def test_alignment_by_hand(reference, hypothesis, expected):
    assert count_errors(reference.split(), hypothesis.split()) == ErrorCounts(*expected)


def test_alignment_is_the_cheapest_one():
    def cheapest(reference, hypothesis):
        if not reference or not hypothesis:
            return 3 * (len(reference) + len(hypothesis))
        return min(
            cheapest(reference[1:], hypothesis[1:]) + (0 if reference[0] == hypothesis[0] else 4),
            cheapest(reference[1:], hypothesis) + 3,
            cheapest(reference, hypothesis[1:]) + 3,
        )

    words = [''.join(letters) for length in range(4) for letters in itertools.product('abc', repeat=length)]
    for reference, hypothesis in itertools.product(words[::3], words):
        errors = count_errors(reference, hypothesis)
        cost = 4 * errors.substitutions + 3 * (errors.deletions + errors.insertions)
        assert cost == cheapest(reference, hypothesis), (reference, hypothesis)
        assert len(reference) - errors.deletions + errors.insertions == len(hypothesis)


def test_cslr_by_hand():
    # Errors: 6 (edit distance 5) of the first pair, 2 deletions in the second, 1 insertion in the third; 10 words.
    scores = score_cslr(['f f a c e', 'a b', 'x y z'], ['c g e h b', '', 'x  y z\tz'])
    assert scores['wer'] == pytest.approx(90.0)
    assert (scores['del_rate'], scores['ins_rate'], scores['sub_rate']) == pytest.approx((50.0, 40.0, 0.0))
    assert scores['wer_jiwer'] == pytest.approx(80.0)


def test_cslr_empty_reference_counts_insertions():
    scores = score_cslr(['a b', ''], ['a b', 'c'])
    assert scores['wer'] == scores['wer_jiwer'] == scores['ins_rate_jiwer'] == pytest.approx(50.0)


def test_cslr_without_any_reference_word():
    with pytest.raises(DataError, match='2 references hold no gloss'):
        score_cslr(['', ' '], ['a', ''])


def test_bleu_by_hand():
    # Unigrams 3 of 4, bigrams 1 of 3, no brevity penalty (4 words each).
    reference, hypothesis = ['the cat sat down'], ['the cat down there']
    assert bleu(reference, hypothesis, 1) == pytest.approx(75.0)
    assert bleu(reference, hypothesis, 2) == pytest.approx(100 * (3 / 4 * 1 / 3) ** 0.5)
    # Exponential smoothing: no trigram of 2 matches and no 4-gram of 1: 1/(2*2) and 1/(4*1).
    assert bleu(reference, hypothesis, 4) == pytest.approx(100 * (3 / 4 * 1 / 3 * 1 / 4 * 1 / 4) ** 0.25)
    # 13a splits punctuation off words.
    assert bleu(['Hi, you.'], ['Hi , you .'], 4) == pytest.approx(100.0)


def test_rouge_l_by_hand():
    # LCS 'the cat down': 3 of 4 words on both sides.
    assert rouge_l(['the cat sat down'], ['the cat down there']) == pytest.approx(75.0, abs=1e-5)


@pytest.mark.parametrize('failing', ['', '.', '...', '. .', ' '])
def test_rouge_l_failing_pair_counts_zero(failing):
    assert rouge_l(['a b', 'a b'], ['a b', failing]) == pytest.approx(50.0, abs=1e-5)
    assert rouge_l(['a b', failing], ['a b', 'a b']) == pytest.approx(50.0, abs=1e-5)


def test_rouge_l_long_text_does_not_meet_the_recursion_limit():
    text = ' '.join(f'w{i}' for i in range(700))
    assert rouge_l([text], [text]) == pytest.approx(100.0, abs=1e-5)


def test_empty_hypotheses_score_zero():
    scores = score_slt(['a b c d', '你好'], ['', ''], ['en', 'zh'])
    assert len(scores) == 18
    assert set(scores.values()) == {0.0}


def test_chinese_preparation():
    assert prepare_reference('你 好，\n吗？', 'zh-CN') == '你 好 , 吗 ?'
    assert prepare_hypothesis('你 好，\n吗？', 'zh') == '你 好 ， 吗 ？'
    assert prepare_reference('Well， no?', 'en') == 'Well， no?'
    assert [is_character_language(lang) for lang in ('zh', 'zh_TW', 'ZH', 'en', 'de', 'za')] == [True] * 3 + [False] * 3


def test_mixed_languages_are_scored_apart_and_together():
    references = ['the cat sat on the mat', '我想吃面条，你呢？']
    hypotheses = ['the cat sat on a mat', '我想吃面条,你呢?']
    mixed = score_slt(references, hypotheses, ['en', 'zh'])
    assert mixed['bleu4_zh'] == pytest.approx(100.0)
    for lang, index in (('en', 0), ('zh', 1)):
        alone = score_slt(references[index : index + 1], hypotheses[index : index + 1], lang)
        assert {name: mixed[f'{name}_{lang}'] for name in alone} == pytest.approx(alone)
    # One mistake in 6 + 9 tokens.
    assert mixed['bleu1'] == pytest.approx(100 * 14 / 15)
    assert mixed['rouge_l'] == pytest.approx((mixed['rouge_l_en'] + mixed['rouge_l_zh']) / 2)


def test_chrf_ignores_spaces():
    assert chrf(['我 想 吃'], ['我想吃']) == pytest.approx(100.0)


@pytest.mark.parametrize('score', [score_islr, score_cslr, SCORERS['slt_zh'], bleu, rouge_l, chrf])
def test_sets_that_cannot_be_scored(score):
    with pytest.raises(DataError, match='2 references but 1 hypotheses'):
        score(['a', 'b'], ['a'])
    with pytest.raises(DataError, match='empty'):
        score([], [])
    with pytest.raises(DataError, match='hypothesis 1 is None'):
        score(['a', 'b'], ['a', None])
    with pytest.raises(DataError, match='one string'):
        score('ab', ['a', 'b'])


def test_unequal_side_lists():
    with pytest.raises(DataError, match='2 references but 1 languages'):
        score_slt(['a', 'b'], ['a', 'b'], ['en'])
    with pytest.raises(DataError, match='2 references but 1 n-best'):
        score_islr(['a', 'b'], ['a', 'b'], [['a']])

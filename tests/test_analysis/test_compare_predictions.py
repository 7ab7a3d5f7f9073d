"""Two systems on the same clips: p and intervals by hand, against sacrebleu's tests, and how often chance passes."""

import json
from dataclasses import replace

import numpy as np
import pytest
from made_predictions import write
from sacrebleu.metrics import BLEU, CHRF
from sacrebleu.significance import PairedTest

from unisign.analysis import significance
from unisign.analysis.compare_predictions import compare_predictions
from unisign.analysis.paired_clips import read_pair
from unisign.analysis.paired_statistics import paired_statistics
from unisign.analysis.score_text import score_predictions_file
from unisign.analysis.significance import bootstrap_differences, compare, randomised_differences
from unisign.structures import DataError


def recognised(a, b, refs=None):
    """Return the statistics of the scores of two systems that answered right (1) or wrong (0)."""
    from unisign.evaluation import Prediction

    refs = refs or ['w'] * len(a)
    systems = [
        [
            Prediction(str(place), ref if hit else 'wrong', ref)
            for place, (ref, hit) in enumerate(zip(refs, own, strict=True))
        ]
        for own in (a, b)
    ]
    return paired_statistics('islr', *systems)


def test_two_clips_by_hand():
    """A wrong on the first clip where B is right, equal on the second."""
    (statistics, _) = recognised([0, 1], [1, 1])
    found = compare(statistics, 4000, seed=1)
    assert (found.a, found.b, found.difference) == (50, 100, 50)
    # Draws 11, 12, 21, 22 give 100, 50, 50, 0: half of them stray from 50 by 50, all but a quarter are above 0.
    assert found.p_bootstrap == pytest.approx(0.5, abs=0.03)
    assert found.b_better == pytest.approx(0.75 + 0.25 / 2, abs=0.02)
    assert (found.low, found.high) == (0, 100)
    assert found.p_randomisation == 1  # swapped or not, one is ahead by 50
    assert set(bootstrap_differences(statistics, 200, 0)) == {0, 50, 100}
    assert set(randomised_differences(statistics, 200, 0)) == {-50, 50}


def test_five_clips_swapped_by_hand():
    """B alone is right, five times: only two of the 32 ways to swap give so large a difference."""
    found = compare(recognised([0] * 5, [1] * 5)[0], 8000, seed=3)
    assert found.p_randomisation == pytest.approx(2 / 32, abs=0.01)
    assert (found.low, found.high) == (100, 100)


def test_per_class_by_hand():
    refs = ['a', 'a', 'a', 'b']
    instance, per_class = recognised([1, 0, 0, 0], [1, 1, 1, 0], refs)
    assert (instance.name, per_class.name) == ('top1_per_instance', 'top1_per_class')
    found = compare(per_class, 3000, seed=0)
    assert (found.a, found.b) == (pytest.approx(100 / 6), 50)
    # Without b the share of a's draws that changed: quarters. With b half of it: thirds, halves.
    drawn = set(np.round(bootstrap_differences(per_class, 3000, 0), 6))
    assert drawn == {0, 25, 50, 75, 100, round(100 / 6, 6), round(100 / 3, 6)}


SENTENCES = 40


@pytest.fixture
def translated(tmp_path):
    rng = np.random.default_rng(5)
    words = ['the', 'cat', 'dog', 'eats', 'noodles', 'today', 'big', 'car', '我']
    references = [list(rng.choice(words, rng.integers(4, 12))) for _ in range(SENTENCES)]
    paths = []
    for name, share in (('a', 0.3), ('b', 0.2)):
        texts = [[rng.choice(words) if rng.random() < share else word for word in own] for own in references]
        pairs = [(' '.join(ref), ' '.join(text)) for ref, text in zip(references, texts, strict=True)]
        paths.append(write(tmp_path / f'{name}.jsonl', *pairs, task='slt', lang='en'))
    return paths


@pytest.mark.parametrize('chunk', [2**23, 100])
def test_sacrebleu_gives_the_same(translated, monkeypatch, chunk):
    """The same draws of clips and the same swaps, so the same intervals and the same p by swapping."""
    monkeypatch.setattr(significance, '_CHUNK', chunk)
    monkeypatch.setenv('SACREBLEU_SEED', '7')
    _, a, b = read_pair(*translated)
    systems = [('a', [one.pred for one in a]), ('b', [one.pred for one in b])]
    metrics = {'bleu4': BLEU(max_ngram_order=4, force=True), 'chrf': CHRF()}
    for name, metric in metrics.items():
        (statistics,) = paired_statistics('slt', a, b, [name])
        found = compare(statistics, 100, seed=7)
        _, bootstrap = PairedTest(systems, {name: metric}, [[one.ref for one in a]], 'bs', 100)()
        (key,) = set(bootstrap) - {'System'}
        assert (found.a, found.b) == pytest.approx([one.score for one in bootstrap[key]], abs=1e-9)
        drawn = bootstrap_differences(statistics, 100, 7)
        assert drawn.mean() == pytest.approx(bootstrap[key][1].mean - bootstrap[key][0].mean, abs=1e-4)
        if chunk > 100 * SENTENCES:  # in one piece: the same swaps
            _, swapped = PairedTest(systems, {name: metric}, [[one.ref for one in a]], 'ar', 100)()
            assert found.p_randomisation == pytest.approx(swapped[key][1].p_value)


def test_scores_are_those_of_score_text(translated):
    report = compare_predictions(*translated, resamples=20)
    for place, path in enumerate(translated):
        scores = score_predictions_file(path)
        for one in report.scores:
            assert (one.a, one.b)[place] == pytest.approx(scores[one.name], abs=1e-6)
    assert [one.name for one in report.scores] == ['bleu4', 'rouge_l', 'chrf']


def test_chance_passes_as_often_as_it_should():
    """Of pairs of equally good systems p < 0.05 comes for about one in twenty, and a clear difference is seen."""
    rng, passed, trials = np.random.default_rng(0), np.zeros(2), 400
    statistics = recognised([1] * 120, [1] * 120)[0]
    for trial in range(trials):
        hits = [np.stack([rng.random(120) < 0.7, np.ones(120)], axis=1) for _ in range(2)]
        found = compare(replace(statistics, a=hits[0], b=hits[1]), 100, trial)
        passed += (found.p_bootstrap < 0.05, found.p_randomisation < 0.05)
    assert (passed / trials >= 0.02).all() and (passed / trials <= 0.08).all()
    found = compare(recognised(rng.random(400) < 0.6, rng.random(400) < 0.8)[0], 300, 0)
    assert found.p_bootstrap < 0.01 and found.p_randomisation < 0.01 and found.low > 0 and found.b_better == 1


def test_a_system_against_itself(translated, tool):
    for one in compare_predictions(translated[0], translated[0], resamples=50).scores:
        assert (one.difference, one.low, one.high, one.b_better) == (0, 0, 0, 0.5)
        assert (one.p_bootstrap, one.p_randomisation) == (1, 1)
    assert 'B better 0, worse 0, same 40' in tool('compare_predictions.py', translated[0], translated[0])


def test_error_rates_are_better_when_lower(tmp_path):
    lines = [('a b', 'a x'), ('c d', 'c d'), ('e f g', 'e')]
    first = write(tmp_path / 'a.jsonl', *lines, task='cslr')
    second = write(tmp_path / 'b.jsonl', ('a b', 'a b'), ('c d', 'x'), ('e f g', 'e f g'), task='cslr')
    report = compare_predictions(first, second, resamples=300)
    wer = report.scores[0]
    assert (wer.name, wer.a, wer.b) == ('wer', pytest.approx(300 / 7), pytest.approx(200 / 7))
    assert wer.b_better > 0.5
    assert [(one.first.id, round(one.gain, 1)) for one in report.changes] == [('c1', -100), ('c2', 66.7), ('c0', 50)]


def test_same_seed_same_figures(translated):
    first, again = (compare_predictions(*translated, resamples=40, seed=3) for _ in range(2))
    assert first == again != compare_predictions(*translated, resamples=40, seed=4)


def test_order_and_data_sets(tmp_path):
    lines = [{'id': 'x', 'ref': 'a', 'pred': 'a'}, {'id': 'y', 'ref': 'b', 'pred': 'a'}]
    first = write(tmp_path / 'a.jsonl', *lines, task='islr', dataset='one')
    second = write(tmp_path / 'b.jsonl', *lines[::-1], task='islr', dataset='two')
    _, mine, others = read_pair(first, second)  # told apart by ids alone
    assert [one.id for one in others] == [one.id for one in mine] == ['x', 'y']


def test_files_that_do_not_belong_together(tool, tmp_path):
    lines = [('a', 'a')] * 9
    first = write(tmp_path / 'a.jsonl', *lines, task='islr')
    fewer = write(tmp_path / 'b.jsonl', *lines[:2], {'id': 'other', 'ref': 'a', 'pred': 'a'}, task='islr')
    message = tool('compare_predictions.py', first, fewer)
    assert f'only {first} has c2, c3, c4, c5, c6 and 2 more; only {fewer} has other' in message
    renamed = write(tmp_path / 'c.jsonl', *lines[:8], ('b', 'a'), task='islr')
    assert "1 clips have different references: 'c8' is 'a' and 'b'" in tool('compare_predictions.py', first, renamed)
    slt = write(tmp_path / 'd.jsonl', *lines, task='slt')
    assert "no prediction of task 'islr' (found: slt)" in tool('compare_predictions.py', first, slt)
    with pytest.raises(DataError, match='is no score of task'):
        compare_predictions(first, first, scores=['bleu4'])
    with pytest.raises(DataError, match='should be 1 or more, got 0'):
        compare_predictions(first, first, resamples=0)


def test_the_command_writes_json(tool, translated, tmp_path):
    text = tool('compare_predictions.py', *translated, '--resamples', '50', '--out', tmp_path / 'o' / 'c.json')
    assert 'Only 40 clips' in text and '50 resamples, seed 12345' in text
    content = json.loads((tmp_path / 'o' / 'c.json').read_text(encoding='utf-8'))
    assert content['scores'][0]['name'] == 'bleu4' and content['clips'] == 40
    gains = [abs(one['gain']) for one in content['changes']]
    assert gains == sorted(gains, reverse=True) and gains[0] > 0

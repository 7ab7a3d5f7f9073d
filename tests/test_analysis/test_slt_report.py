"""Translation sentence by sentence: values by hand, and the corpus scores beside them."""

import csv
import json

import pytest
from made_predictions import write

from unisign.analysis.predictions_file import read_task_predictions
from unisign.analysis.score_text import score_predictions_file
from unisign.analysis.slt_report import has_loop, report_slt

LINES = (
    {'ref': 'the cat eats noodles', 'pred': 'the cat eats noodles', 'lang': 'en'},
    {'ref': 'the cat eats', 'pred': 'the dog eats', 'lang': 'en'},
    {'ref': 'a b c d e f', 'pred': '', 'lang': 'en'},
    {'ref': '我想吃面条。', 'pred': '我想吃米饭。', 'lang': 'zh'},
    {'ref': '你好吗', 'pred': '我想吃米饭。', 'lang': 'zh'},
)


@pytest.fixture
def path(tmp_path):
    return write(tmp_path / 'p.jsonl', *LINES, task='slt')


def test_sentences_by_hand(path):
    report = report_slt(read_task_predictions(path)[1])
    by_id = {one.clip.id: one for one in report.sentences}
    assert by_id['c0'].bleu == pytest.approx(100) and by_id['c0'].rouge_l == pytest.approx(100, abs=1e-4)
    # Two of three words; no pair of words, which exponential smoothing counts as a half of 2, then a quarter of 1.
    assert by_id['c1'].counts == (2, 0, 0, 0) and by_id['c1'].totals == (3, 2, 1, 0)
    assert by_id['c1'].bleu == pytest.approx(100 * (2 / 3 * 0.5 / 2 * 0.25 / 1) ** (1 / 3))
    assert by_id['c1'].rouge_l == pytest.approx(100 * 2 / 3, abs=1e-4)
    assert (by_id['c2'].bleu, by_id['c2'].rouge_l, by_id['c2'].length_ratio) == (0, 0, 0)
    # Characters: 我 想 吃 and the full stop of six.
    assert by_id['c3'].counts[0] == 4 and by_id['c3'].length == by_id['c3'].reference_length == 6
    assert report.sentences[0].clip.id in ('c2', 'c4') and report.sentences[-1].clip.id == 'c0'


def test_the_whole_is_the_corpus_score(path):
    report, scores = report_slt(read_task_predictions(path)[1]), score_predictions_file(path)
    assert report.whole.scores == pytest.approx({name: scores[name] for name in report.whole.scores}, abs=1e-9)
    for lang, part in report.languages.items():
        assert part.scores == pytest.approx({name: scores[f'{name}_{lang}'] for name in part.scores}, abs=1e-9)
    assert set(report.languages) == {'en', 'zh'}


def test_coverage_lengths_and_repeats(path):
    report = report_slt(read_task_predictions(path)[1])
    # Reference words: 4 + 3 + 6 + 6 + 3; found: 4 + 2 + 0 + 4 + 0. Pairs: 3 + 2 + 5 + 5 + 2; found 3 + 0 + 0 + 2 + 0.
    assert report.whole.coverage[:2] == pytest.approx((100 * 10 / 22, 100 * 5 / 17))
    assert report.whole.length_ratio == pytest.approx((4 + 3 + 0 + 6 + 6) / 22)
    assert {name: part.clips for name, part in report.buckets.items()} == {'1-5': 3, '6-10': 2}
    assert (report.empty, report.repeated, report.frequent) == (1, 2, (('我想吃米饭。', 2),))
    # the cat eats noodles a b c d e f; 我想吃面条。你好吗: 10 + 9 words, of which 4 + 4 are written somewhere.
    assert report.vocabulary == (19, 8)


@pytest.mark.parametrize(
    ('text', 'loops'),
    [('a a a', True), ('a a b b', False), ('x a b a b a b', True), ('a b a b', False), ('a b c a b c a b c', True),
     ('', False), ('a b c d', False)],
)  # fmt: skip
def test_loops(text, loops):
    assert has_loop(text.split()) is loops


def test_loops_of_the_reference_are_no_fault(tmp_path):
    path = write(tmp_path / 'p.jsonl', ('no no no', 'no no no'), ('no', 'no no no'), lang='en')
    assert report_slt(read_task_predictions(path, 'slt')[1]).loops == 1


def test_the_command(tool, path, tmp_path):
    text = tool('report_slt.py', path, '--out', tmp_path / 'out', '--rows', '1')
    assert 'empty outputs: 1 (20.0 %)' in text
    assert 'the same output for different references: 2 (40.0 %)' in text
    with (tmp_path / 'out' / 'sentences.csv').open(encoding='utf-8', newline='') as file:
        rows = {row['id']: row for row in csv.DictReader(file)}
    assert rows['c3']['output'] == '我想吃米饭。' and float(rows['c3']['coverage1']) == pytest.approx(100 * 4 / 6)
    content = json.loads((tmp_path / 'out' / 'report.json').read_text(encoding='utf-8'))
    assert content['whole']['clips'] == 5 and content['empty'] == 1


def test_wrong_input(tool, tmp_path):
    silent = write(tmp_path / 'silent.jsonl', ('a', 'b'))
    assert 'clip c0: 1 of 1 predictions do not say in which language' in tool('report_slt.py', silent)
    assert '1 clips   bleu1 0.00' in tool('report_slt.py', silent, '--lang', 'en')
    blind = write(tmp_path / 'blind.jsonl', ('', 'a'), lang='en')
    assert '1 of 1 predictions have no reference' in tool('report_slt.py', blind)

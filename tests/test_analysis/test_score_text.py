"""score_text: every score of a predictions file, and the message for each way such a file can be broken."""

import json
import runpy
import sys

import pytest

from unisign.analysis import read_predictions, score_predictions_file
from unisign.evaluation import Prediction, score_slt, write_predictions
from unisign.structures import DataError


def write(path, *lines):
    path.write_text('\n'.join(line if isinstance(line, str) else json.dumps(line) for line in lines) + '\n', 'utf-8')
    return path


@pytest.fixture
def run_tool(repo, monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr(sys, 'argv', ['score_text.py', *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            runpy.run_path(str(repo / 'tools' / 'analysis' / 'score_text.py'), run_name='__main__')
        return stop.value.code, capsys.readouterr()

    return run


def test_golden_through_the_command(shared, run_tool, tmp_path):
    examples = json.loads((shared / 'golden' / 'metrics.json').read_text(encoding='utf-8'))
    for name, task, lang in (
        ('slt_zh', 'slt', 'zh'),
        ('slt_en', 'slt', 'en'),
        ('cslr', 'cslr', 'zh'),
        ('islr', 'islr', 'en'),
    ):
        example = examples[name]
        pairs = zip(example['references'], example['hypotheses'], strict=True)
        lines = [{'id': str(i), 'pred': pred, 'ref': ref, 'score': 0.5} for i, (ref, pred) in enumerate(pairs)]
        code, output = run_tool('--task', task, '--lang', lang, write(tmp_path / f'{name}.jsonl', *lines))
        assert (code, output.err) == (0, '')
        scores = json.loads(output.out)
        assert {key: scores[key] for key in example['expected']} == pytest.approx(example['expected'], abs=1e-6, rel=0)


def test_errors_through_the_command(run_tool, tmp_path):
    code, output = run_tool('--task', 'slt', tmp_path / 'none.jsonl')
    assert (code, output.out) == (1, '')
    assert output.err.startswith(f'error: {tmp_path / "none.jsonl"}: cannot be read (No such file or directory).')


def test_reads_what_a_run_writes(tmp_path):
    predictions = [
        Prediction('1', '面条 饭', '面条', 0.5, [['面条 饭', 0.5]], 'slt', 'zh', 'csl', None),
        Prediction('2', '', 'tea', 0.0, [], 'slt', 'en', 'how2sign', 'truncated'),
    ]
    write_predictions(tmp_path / 'preds.jsonl', predictions)
    assert read_predictions(tmp_path / 'preds.jsonl') == predictions


def test_language_comes_from_the_predictions_unless_given(tmp_path):
    line = {'id': '1', 'pred': '我吃面条', 'ref': '我吃米饭'}
    named = write(tmp_path / 'named.jsonl', {**line, 'lang': 'zh', 'task': 'slt'})
    silent = write(tmp_path / 'silent.jsonl', line)
    by_characters = score_slt(['我吃米饭'], ['我吃面条'], 'zh')
    assert by_characters['bleu1'] == pytest.approx(50.0)
    assert score_predictions_file(named) == by_characters
    assert score_predictions_file(silent, 'slt', 'zh') == by_characters
    assert score_predictions_file(named, 'slt', 'en')['bleu1'] == 0.0
    with pytest.raises(DataError, match=r'silent\.jsonl: clip 1: 1 of 1 .* --lang'):
        score_predictions_file(silent, 'slt')
    with pytest.raises(DataError, match='names 0 tasks'):
        score_predictions_file(silent)


def test_nbest_gives_top5(tmp_path):
    lines = [
        {'id': '1', 'pred': 'a', 'ref': 'b', 'nbest': [['a', 0.6], ['b', 0.4]]},
        {'id': '2', 'pred': 'a', 'ref': 'a'},
    ]
    scores = score_predictions_file(write(tmp_path / 'preds.jsonl', *lines), 'islr')
    assert (scores['top1_per_instance'], scores['top5_per_instance']) == (50.0, 100.0)
    assert set(score_predictions_file(write(tmp_path / 'p.jsonl', lines[1]), 'islr')) == {
        'top1_per_instance',
        'top1_per_class',
    }


def test_clips_of_other_tasks_are_left_out(tmp_path):
    lines = [
        {'id': '1', 'pred': 'a b', 'ref': 'a', 'task': 'cslr'},
        {'id': '1', 'pred': 'x', 'ref': 'y', 'task': 'islr'},
    ]
    path = write(tmp_path / 'preds.jsonl', *lines)
    assert score_predictions_file(path, 'cslr')['wer'] == 100.0
    with pytest.raises(DataError, match=r"no prediction of task 'slt' \(found: cslr, islr\)"):
        score_predictions_file(path, 'slt')
    with pytest.raises(DataError, match=r'names 2 tasks \(cslr, islr\)'):
        score_predictions_file(path)
    with pytest.raises(DataError, match="task 'sltr' is unknown"):
        score_predictions_file(path, 'sltr')


GOOD = {'id': '1', 'pred': 'a', 'ref': 'a'}


@pytest.mark.parametrize(
    ('lines', 'message'),
    [
        ([GOOD, '{"id": "2", "pred"'], 'line 2: is not valid JSON'),
        ([GOOD, '', '[1]'], 'line 3: expected a JSON object, got list'),
        ([{'id': '1', 'hyp': 'a'}], "line 1: lacks 'pred' and 'ref'"),
        ([GOOD, {**GOOD, 'id': '2', 'pred': None}], "line 2: 'pred' is None, expected a string"),
        ([{**GOOD, 'id': [7]}], "line 1: 'id' is [7], expected a string"),
        ([GOOD, {**GOOD, 'id': '2'}, GOOD], "line 3: clip '1' was predicted in line 1 already"),
        ([{**GOOD, 'nbest': ['a', 'b']}], 'line 1: "nbest" holds \'a\', expected'),
        (['', ' '], 'holds no prediction'),
    ],
)
def test_broken_files_are_named_with_their_line(tmp_path, lines, message):
    path = write(tmp_path / 'preds.jsonl', *lines)
    with pytest.raises(DataError) as caught:
        read_predictions(path)
    assert str(caught.value).startswith(str(path))
    assert message in str(caught.value)


def test_files_that_are_no_text(tmp_path):
    (tmp_path / 'preds.pkl').write_bytes(b'\x80\x04\x95\xff')
    with pytest.raises(DataError, match='not UTF-8 text'):
        read_predictions(tmp_path / 'preds.pkl')
    with pytest.raises(DataError, match='cannot be read'):
        read_predictions(tmp_path)


def test_numbers_as_clip_ids(tmp_path):
    assert [p.id for p in read_predictions(write(tmp_path / 'preds.jsonl', {**GOOD, 'id': 0}))] == ['0']


def test_line_separators_inside_a_text_and_a_byte_order_mark(tmp_path):
    path = tmp_path / 'preds.jsonl'
    path.write_text('\ufeff' + json.dumps({**GOOD, 'pred': 'a\u2028b'}, ensure_ascii=False) + '\r\n', encoding='utf-8')
    assert [prediction.pred for prediction in read_predictions(path)] == ['a\u2028b']

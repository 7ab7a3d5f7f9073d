"""Isolated recognition class by class: hand-worked counts, the choice of classes, the picture."""

import csv
import json

import numpy as np
import pytest
from made_predictions import write

from unisign.analysis.confusion_picture import choose_classes, confusion_matrix, draw_confusions
from unisign.analysis.islr_report import describe_islr, report_islr
from unisign.analysis.predictions_file import read_task_predictions
from unisign.structures import DataError

# a: 2 of 4 right, twice taken for b; b: 1 of 2 right, once nothing; 猫: right; c: taken for a word that is no class.
CLIPS = (('a', 'a'), ('a', 'a'), ('a', 'b'), ('a', 'b'), ('b', 'b'), ('b', ''), ('猫', '猫'), ('c', 'x'))


def report_of(tmp_path, *lines):
    return report_islr(read_task_predictions(write(tmp_path / 'p.jsonl', *lines), 'islr')[1])


def test_classes_and_confusions(tmp_path):
    report = report_of(tmp_path, *CLIPS)
    found = [(one.label, one.count, one.correct, one.accuracy, one.top5, one.answered) for one in report.classes]
    # Of equally bad ones the more frequent first.
    assert found == [
        ('c', 1, 0, 0.0, None, 0),
        ('a', 4, 2, 50.0, None, 2),
        ('b', 2, 1, 50.0, None, 3),
        ('猫', 1, 1, 100.0, None, 1),
    ]
    assert [one.confused_with and one.confused_with[1:] for one in report.classes] == [
        ('x', 1), ('b', 2), ('', 1), None,
    ]  # fmt: skip
    assert report.confusions == (('a', 'b', 2), ('b', '', 1), ('c', 'x', 1))
    assert report.scores == {'top1_per_instance': 50.0, 'top1_per_class': 50.0}


def test_top5_counts_candidates(tmp_path):
    six = [[word, 0.1] for word in 'bcdefa']
    report = report_of(
        tmp_path,
        {'ref': 'a', 'pred': 'b', 'nbest': six},  # sixth: too late
        {'ref': 'a', 'pred': 'b', 'nbest': six[-3:]},
        {'ref': 'a', 'pred': 'a'},  # no list: the answer alone
    )
    assert (report.classes[0].correct, report.classes[0].top5) == (1, 2)


def test_the_text_is_cut_and_says_so(tmp_path):
    text = describe_islr(report_of(tmp_path, *CLIPS), rows=1)
    assert 'Classes, the worst first (1 of 3)' in text and 'Confusions (1 of 3)' in text
    assert 'Without a mistake: 1 classes.' in text
    assert text.splitlines()[-1].split() == ['2', 'a', 'b']


def test_the_most_confused_classes_stand_side_by_side(tmp_path):
    lines = [('a', 'd')] * 2 + [('d', 'a')] * 2 + [('b', 'e')] * 3 + [('c', 'c')] * 9 + [('e', 'e'), ('f', 'a')]
    report = report_of(tmp_path, *lines)
    assert choose_classes(report, 4) == ['a', 'd', 'b', 'e']  # a and d: four times, in both directions
    assert choose_classes(report, 6) == ['a', 'd', 'b', 'e', 'f', 'c']
    matrix = confusion_matrix(report, ['a', 'b', 'f'])
    # a is answered with d, b with e, which are not shown; f with a.
    assert np.array_equal(matrix, [[0, 0, 0, 100], [0, 0, 0, 100], [100, 0, 0, 0]])


def test_picture_of_many_classes(tmp_path):
    pytest.importorskip('matplotlib', reason='no matplotlib: pip install -e ".[report]"')
    from PIL import Image

    lines = [(f'词{i}', f'词{i - i % 2}') for i in range(300)] + [('price $1 and $2', 'x')]
    report = report_of(tmp_path, *lines)
    path = draw_confusions(report, tmp_path / 'c.png', max_classes=10)
    width, height = Image.open(path).size
    assert 400 < width < 900 and 400 < height < 900
    svg = draw_confusions(report_of(tmp_path, *CLIPS), tmp_path / 'c.svg')
    assert svg.read_text(encoding='utf-8').count('<path') > 20
    with pytest.raises(DataError, match=r"'\.gif' is no format that is drawn"):
        draw_confusions(report, tmp_path / 'c.gif')


def test_without_matplotlib_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__('sys').modules, 'matplotlib', None)
    with pytest.raises(DataError, match=r'needs matplotlib .* pip install -e "\.\[report\]"'):
        draw_confusions(report_of(tmp_path, *CLIPS), tmp_path / 'c.png')


def test_the_command_writes_tables(tool, tmp_path):
    path = write(tmp_path / 'p.jsonl', *CLIPS, task='islr')
    text = tool('report_islr.py', path, '--out', tmp_path / 'out', '--format', 'none')
    assert '8 clips, 4 classes   top1_per_instance 50.00' in text
    with (tmp_path / 'out' / 'classes.csv').open(encoding='utf-8', newline='') as file:
        rows = list(csv.DictReader(file))
    assert rows[1]['class'] == 'a' and rows[1]['confused_with'] == 'b' and float(rows[1]['accuracy']) == 50.0
    content = json.loads((tmp_path / 'out' / 'report.json').read_text(encoding='utf-8'))
    assert content['confusions'][0] == {'reference': 'a', 'answer': 'b', 'clips': 2}
    assert content['classes'][3]['class'] == '猫'


def test_wrong_input(tool, tmp_path):
    assert 'lacks' not in tool('report_islr.py', write(tmp_path / 'a.jsonl', *CLIPS))  # naming no task is fine
    slt = write(tmp_path / 'slt.jsonl', *CLIPS, task='slt')
    assert "holds no prediction of task 'islr' (found: slt)" in tool('report_islr.py', slt)
    blind = write(tmp_path / 'blind.jsonl', ('a', 'a'), ('', 'b'))
    assert "1 of 2 predictions have no reference (first: 'c1')" in tool('report_islr.py', blind)
    (tmp_path / 'file').touch()
    message = tool('report_islr.py', write(tmp_path / 'a.jsonl', *CLIPS), '--out', tmp_path / 'file')
    assert 'cannot be made as a folder' in message

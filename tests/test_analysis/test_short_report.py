"""Tables for the terminal, and the report that the quickstart ends with."""

import json

from unisign.analysis.short_report import short_report
from unisign.analysis.text_table import display_width, format_table, shorten


def test_chinese_is_two_columns_wide():
    assert display_width('面条 a') == 6
    assert display_width('e\u0301') == 1  # e with a combining accent
    assert shorten('我想吃面条', 7) == '我想吃…'
    assert shorten('short', 5) == 'short'


def test_columns_stand_below_each_other():
    table = format_table(('text', 'n'), [('面条', '1'), ('noodles', '2')])
    assert table.splitlines() == ['text     n', '-------  -', '面条     1', 'noodles  2']


def test_report_has_scores_and_answers(tmp_path):
    islr, slt = tmp_path / 'islr.jsonl', tmp_path / 'slt.jsonl'
    words = [('a', 'book', 'book'), ('b', 'tea', 'book'), ('c', 'tea', 'tea'), ('d', 'tea', 'tea')]
    sentences = [('x', '我想吃面条', '我想吃面条', 'zh'), ('y', 'i read a book', '', 'en')]
    lines = [dict(id=i, ref=ref, pred=pred, task='islr', lang='en') for i, ref, pred in words]
    islr.write_text('\n'.join(map(json.dumps, lines)))
    lines = [dict(id=i, ref=ref, pred=pred, task='slt', lang=lang) for i, ref, pred, lang in sentences]
    slt.write_text('\n'.join(map(json.dumps, lines)))
    report = short_report([islr, slt], examples=2).splitlines()
    assert report[2].split() == ['isolated', 'recognition', '4', 'top-1', '75.0']
    assert 'BLEU-4' in report[3]
    # Of four words in order of their ids, the second and the fourth.
    assert [line.split() for line in report[8:10]] == [['tea', 'book'], ['=', 'tea', 'tea']]
    assert report[-2].split() == ['i', 'read', 'a', 'book', '(nothing)']
    assert report[-1].split() == ['=', '我想吃面条', '我想吃面条']

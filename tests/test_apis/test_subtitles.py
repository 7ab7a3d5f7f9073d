"""Subtitles: lines, times, files."""

from itertools import pairwise

import pysubs2
import pytest

from unisign.apis.subtitles import Subtitle, SubtitleRule, set_subtitles, text_width, wrap, write_subtitles
from unisign.structures import DataError


def test_lines_are_broken_at_spaces():
    assert wrap('The child will go to the restaurant tomorrow.', 20) == [
        'The child will go to',
        'the restaurant',
        'tomorrow.',
    ]
    assert wrap('short', 20) == ['short'] and wrap('', 20) == []
    assert wrap('Donaudampfschifffahrt', 10) == ['Donaudampf', 'schifffahr', 't']


def test_chinese_needs_no_spaces():
    text = '明天孩子会去餐厅，我们也想去。你呢？'
    lines = wrap(text, 16)
    assert ''.join(lines) == text and all(text_width(line) <= 16 for line in lines)
    assert not any(line[0] in '，。？' for line in lines), lines
    assert wrap('他说「你好」', 6) == ['他说', '「你', '好」']
    assert wrap('我有3个 iPhone 手机', 8) == ['我有3个', 'iPhone', '手机']


def test_two_lines_are_about_equally_long():
    (one,) = set_subtitles([(0, 5, 'The child will go to the restaurant tomorrow.')])
    assert one.text == 'The child will go to the\nrestaurant tomorrow.'
    (one,) = set_subtitles([(0, 5, 'Do we go?')])
    assert one.text == 'Do we go?'


def test_what_needs_more_lines_becomes_several_one_after_the_other():
    text = ' '.join(f'word{i:02d}' for i in range(24))  # 24 words of 6: six to a line of 42
    found = set_subtitles([(10, 18, text), (18, 20, 'end')])
    assert [one.text.count('\n') for one in found] == [1, 1, 0]
    assert ' '.join(one.text.replace('\n', ' ') for one in found[:-1]) == text
    assert (found[0].start, found[0].end, found[1].start, found[1].end) == (10, 14, 14, 18)


def test_none_overlaps_the_next():
    found = set_subtitles([(0, 6, 'one'), (5, 9, 'two'), (9, 9.1, 'three'), (9.2, 9.3, 'four')])
    assert [(one.start, one.end) for one in found] == [(0, 5), (5, 9), (9, 9.2), (9.2, 10.2)]
    assert all(before.end <= after.start for before, after in pairwise(found))


def test_each_stays_long_enough_to_be_read():
    assert set_subtitles([(0, 0.3, 'a')]) == [Subtitle(0, 1.0, 'a')]
    (long,) = set_subtitles([(0, 0.3, 'x' * 40)])
    assert long.end == pytest.approx(2.0)  # 20 columns a second
    (wide,) = set_subtitles([(0, 0.3, '很' * 20)])
    assert wide.end == pytest.approx(2.0)


def test_a_window_without_new_words_lets_the_one_before_stay():
    assert set_subtitles([(0, 5, 'one two'), (4.5, 9, ''), (9, 10, '  ')]) == [Subtitle(0, 10, 'one two')]
    assert set_subtitles([(0, 5, ''), (7, 9, 'a')]) == [Subtitle(7, 9, 'a')]
    assert set_subtitles([(0, 5, 'a'), (7, 9, '')]) == [Subtitle(0, 5, 'a')]  # a pause lies between


def test_files_are_read_back(tmp_path):
    subtitles = [Subtitle(0, 1.5, 'a < b & {c} <i>d</i>'), Subtitle(3600.25, 3602, '第一行\n第二行')]
    for name in ('x.srt', 'deep/x.VTT'):
        write_subtitles(tmp_path / name, subtitles)
        read = pysubs2.load(str(tmp_path / name), format_=name[-3:].lower())
        assert [(event.start, event.end) for event in read] == [(0, 1500), (3_600_250, 3_602_000)]
        assert read[1].plaintext == '第一行\n第二行'
    assert 'a < b & {c} <i>d</i>' in (tmp_path / 'x.srt').read_text()
    assert 'a &lt; b &amp; {c} &lt;i&gt;d&lt;/i&gt;' in (tmp_path / 'deep' / 'x.VTT').read_text()


def test_without_subtitles_a_file_is_empty_and_valid(tmp_path):
    for name, text in (('x.srt', ''), ('x.vtt', 'WEBVTT')):
        write_subtitles(tmp_path / name, [])
        assert (tmp_path / name).read_text().strip() == text
        assert len(pysubs2.load(str(tmp_path / name), format_=name[-3:])) == 0


def test_other_files_are_refused(tmp_path):
    with pytest.raises(DataError, match=r'ends in \.srt or \.vtt'):
        write_subtitles(tmp_path / 'x.txt', [])
    for wrong in (dict(columns=1), dict(lines=0), dict(reading_speed=0)):
        with pytest.raises(ValueError, match='subtitles need'):
            SubtitleRule(**wrong)

"""Text on images: wrapping, alignment, scripts for which no font is installed."""

import numpy as np
import pytest

from unisign.structures import DataError
from unisign.visualization import draw_text, fonts, wrap_text
from unisign.visualization.fonts import choose_font, load_font
from unisign.visualization.skeleton import blank_canvas


@pytest.fixture
def only_builtin_font(monkeypatch):
    """As on a machine without any font: Pillow's own has Latin letters alone."""
    monkeypatch.setattr(fonts, '_installed', lambda: ())


def test_words_stay_whole_and_lines_fit(only_builtin_font):
    text = 'the quick brown fox jumps over the lazy dog'
    lines = wrap_text(text, 16, 120)
    assert ' '.join(lines) == text
    assert len(lines) > 2
    assert max(load_font(None, 16).getlength(line) for line in lines) <= 120


def test_too_long_words_are_cut_and_breaks_are_kept(only_builtin_font):
    assert ''.join(wrap_text('x' * 50, 16, 100)) == 'x' * 50
    assert wrap_text('a\nb', 16, 100) == ['a', 'b']
    assert wrap_text('', 16, 100) == ['']
    assert wrap_text('abc', 16, 1) == ['a', 'b', 'c']


def test_ellipsis_after_the_last_line(only_builtin_font):
    lines = wrap_text('one two three four five six', 16, 60, max_lines=2)
    assert len(lines) == 2
    assert lines[-1].endswith('…')
    assert load_font(None, 16).getlength(lines[-1]) <= 60


def test_characters_without_a_font_are_escaped_with_advice(only_builtin_font, monkeypatch):
    messages = []
    monkeypatch.setattr(fonts, 'print_log', lambda message, **_: messages.append(message))
    fonts._warn_once.cache_clear()
    path, text = choose_font('tea 茶, tea')
    assert (path, text) == (None, 'tea \\u8336, tea')
    choose_font('茶')
    assert len(messages) == 1
    assert 'fonts-noto-cjk' in messages[0]
    fonts._warn_once.cache_clear()


def test_chinese_wraps_anywhere_whether_a_font_is_there_or_not():
    lines = wrap_text('今天我想吃面条今天我想吃面条', 20, 90)
    assert len(lines) > 2


def test_a_font_file_that_is_none(tmp_path):
    (tmp_path / 'font.ttf').write_text('no font')
    with pytest.raises(DataError, match='cannot be read as a font'):
        choose_font('a', str(tmp_path / 'font.ttf'))


def test_text_is_drawn_in_its_colour_and_alignment(only_builtin_font):
    widths = {}
    for align, x in (('left', 10), ('center', 50), ('right', 90)):
        image = blank_canvas(40, 100, (0, 0, 0))
        height = draw_text(image, 'HHH', (x, 5), 16, (255, 0, 0), align=align)
        columns = np.flatnonzero(image[..., 0].max(axis=0) > 100)
        widths[align] = columns.min(), columns.max()
        assert image[..., 1:].max() == 0
        assert image[..., 0].max() > 230
        assert height == 22
    assert 9 <= widths['left'][0] <= 13
    assert 46 <= sum(widths['center']) / 2 <= 52
    assert 84 <= widths['right'][1] <= 90


def test_text_at_the_edge_is_cut():
    image = blank_canvas(20, 20)
    before = image.copy()
    draw_text(image, 'far away', (300, 300), 12)
    draw_text(image, 'far away', (-300, -300), 12)
    assert np.array_equal(image, before)
    draw_text(image, 'WWWW', (-5, -5), 20)
    assert not np.array_equal(image, before)

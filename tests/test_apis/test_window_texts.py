"""What a window repeats of the one before it."""

import pytest

from unisign.apis.long_video import WindowTexts
from unisign.apis.translation import Translation
from unisign.apis.window_texts import without_repeated
from unisign.segmentation import Segment


@pytest.mark.parametrize(
    'before, after, expected',
    [
        ('I go to the house', 'the house is new', 'is new'),
        ('I go to the House.', 'the house, which is new', 'which is new'),
        ('I like tea', 'tea', ''),
        ('I like tea', 'You like milk', 'You like milk'),
        ('I like tea', 'like milk', 'like milk'),  # "tea" stands between: nothing is guessed
        ('no no no', 'no no yes', 'yes'),  # the longest row counts
        ('我们去茶馆', '茶馆很大。', '很大。'),
        ('我们去茶馆。', '茶馆。', ''),
        ("I don't", "don't know", 'know'),
        ('', 'all of it', 'all of it'),
        ('all of it', '', ''),
        ('YESTERDAY CHILD', 'CHILD BUY', 'BUY'),
    ],
)
def test_the_words_of_the_shared_second(before, after, expected):
    assert without_repeated(before, after) == expected


def test_only_windows_that_overlap_are_compared():
    texts = WindowTexts()
    rows = [(Segment(0, 100, 10.0), 'a b'), (Segment(90, 190, 10.0, 10), 'b c'), (Segment(180, 280, 10.0, 10), 'c d')]
    rows.append((Segment(300, 350, 10.0), 'd e'))
    found = [texts.add(segment, Translation('id', 'source', text)) for segment, text in rows]
    assert [one.text for one in found] == ['a b', 'c', 'd', 'd e']
    assert [(one.start, one.end) for one in found] == [(0, 10), (9.5, 19), (18.5, 28), (30, 35)]

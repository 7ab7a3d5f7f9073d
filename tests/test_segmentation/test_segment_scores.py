"""Matching segments, worked out by hand."""

import pytest

from unisign.segmentation import SegmentScores, interval_overlap, segment_scores


def test_overlap_of_two_intervals():
    assert interval_overlap((0, 10), (0, 10)) == 1
    assert interval_overlap((0, 10), (5, 15)) == pytest.approx(5 / 15)
    assert interval_overlap((0, 10), (2, 4)) == pytest.approx(0.2)
    assert interval_overlap((0, 10), (10, 20)) == interval_overlap((0, 1), (5, 6)) == 0


def test_counts_by_hand():
    true = [(0, 10), (20, 30), (40, 50)]
    found = [(1, 9), (18, 26), (28, 31), (60, 70)]  # 8/10; 6/12; 2/11; nothing
    scores = segment_scores(found, true)
    assert (scores.matched, scores.found, scores.true) == (2, 4, 3)
    assert scores.precision == 0.5 and scores.recall == pytest.approx(2 / 3) and scores.f1 == pytest.approx(4 / 7)
    assert segment_scores(found, true, 0.8).matched == 1
    assert segment_scores(found, true, 0.81).matched == 0


def test_half_is_enough_and_less_is_not():
    assert segment_scores([(0, 5)], [(0, 10)]).matched == 1
    assert segment_scores([(0, 4.99)], [(0, 10)]).matched == 0


def test_each_segment_counts_once():
    assert segment_scores([(0, 6), (4, 10), (0, 10)], [(0, 10)]).matched == 1
    assert segment_scores([(0, 10)], [(0, 6), (4, 10)]).matched == 1


def test_as_many_pairs_as_possible():
    """The first found one fits both true ones, the second only the first: taking the first pair greedily loses one."""
    assert segment_scores([(0, 10), (0, 4)], [(0, 5), (3, 12)], 0.5).matched == 2


def test_nothing():
    assert segment_scores([], []).f1 == 1
    assert segment_scores([(0, 1)], []).f1 == 0 and segment_scores([], [(0, 1)]).f1 == 0


def test_videos_are_added_up():
    total = SegmentScores(1, 2, 3) + SegmentScores(2, 2, 2)
    assert total == SegmentScores(3, 4, 5) and total.f1 == pytest.approx(6 / 9)


@pytest.mark.parametrize('least', [0, -1, 1.1])
def test_a_least_overlap_without_sense(least):
    with pytest.raises(ValueError, match='least_overlap'):
        segment_scores([], [], least)

"""Where signing is found, on a signer whose every movement is known."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from waving import signer

from unisign.segmentation import HandMotion, SegmentRule, SigningSegmenter, segments_of
from unisign.structures import Poses

TWICE = [('rest', 1), ('wave', 2), ('rest', 0.4), ('wave', 3), ('rest', 1)]


def times(poses, rule=None):
    return [(segment.start_seconds, segment.end_seconds) for segment in segments_of(poses, rule)]


def near(found, expected, tolerance=0.2):
    assert len(found) == len(expected), found
    assert np.abs(np.array(found) - np.array(expected)).max() <= tolerance, found


@pytest.mark.parametrize('rate', [10, 15, 25, 50, 120])
def test_two_stretches_at_any_frame_rate(rate):
    near(times(signer(TWICE, rate)), [(1, 3), (3.4, 6.4)])


@pytest.mark.parametrize('hands', [(0,), (1,), (0, 1)])
def test_one_hand_is_enough(hands):
    near(times(signer(TWICE, hands=hands)), [(1, 3), (3.4, 6.4)])


@pytest.mark.parametrize('unit', [0.05, 0.1, 0.22])
@pytest.mark.parametrize('frame_size', [(200, 200), (640, 360), (360, 640)])
def test_neither_distance_nor_the_frames_shape_counts(unit, frame_size):
    near(times(signer(TWICE, unit=unit, frame_size=frame_size)), [(1, 3), (3.4, 6.4)])


def test_jitter_moves_nothing():
    """Points off by 3 % of the shoulders in every frame: 1.5 shoulder widths a second if each were believed."""
    for rate in (15, 50):
        near(times(signer(TWICE, rate, noise=0.03)), [(1, 3), (3.4, 6.4)])
        assert times(signer([('rest', 6)], rate, noise=0.03)) == []
        assert times(signer([('rest', 2), ('hidden', 4)], rate, noise=0.03)) == []


def test_hands_with_low_scores_lie_anywhere_and_are_not_moving():
    assert times(signer([('rest', 1), ('hidden', 3), ('rest', 1)])) == []
    near(times(signer([('hidden', 1), ('wave', 2), ('hidden', 1)])), [(1, 3)], 0.3)
    lost = [('rest', 1), ('wave', 1), ('hidden', 0.16), ('wave', 1), ('rest', 1)]  # for a moment only
    near(times(signer(lost)), [(1, 3.16)])


def test_a_hand_that_is_held_up_ends_after_a_second():
    near(times(signer([('rest', 1), ('wave', 2), ('hold', 0.6), ('wave', 1), ('rest', 1)])), [(1, 4.6)])
    near(times(signer([('rest', 1), ('wave', 2), ('hold', 3), ('wave', 2), ('rest', 1)])), [(1, 3), (6, 8)])


def test_a_twitch_is_no_signing():
    assert times(signer([('rest', 1), ('wave', 0.2), ('rest', 1)])) == []


def test_a_signer_who_leans_and_walks_moves_no_hand():
    poses = signer([('rest', 4)])
    way = np.stack([0.1 * np.sin(np.arange(len(poses)) / 6), np.zeros(len(poses))], axis=-1)
    assert times(replace(poses, keypoints=poses.keypoints + way[:, None].astype(np.float32))) == []


def test_nobody():
    empty = Poses(np.zeros((50, 133, 2), np.float32), np.zeros((50, 133), np.float32), None, 25.0)
    assert segments_of(empty) == []


def test_what_has_no_pause_is_cut_into_windows_that_overlap():
    poses = signer([('rest', 1), ('wave', 11), ('rest', 1)], rate=20)
    windows = segments_of(poses, SegmentRule(longest=4, overlap=1))
    assert [len(window) for window in windows[:3]] == [80, 80, 80]
    assert [window.overlap for window in windows] == [0, 20, 20, 20]
    for before, after in pairwise(windows):
        assert after.start + after.overlap == before.end
    assert windows[0].start_seconds == pytest.approx(1, abs=0.2) and windows[-1].end_seconds == pytest.approx(
        12, abs=0.2
    )


def test_a_rest_of_a_window_that_shows_nothing_new_is_left_out():
    rule = SegmentRule(longest=4, overlap=1)
    assert len(segments_of(signer([('rest', 1), ('wave', 4), ('rest', 1)], rate=20), rule)) == 1
    assert len(segments_of(signer([('rest', 1), ('wave', 5), ('rest', 1)], rate=20), rule)) == 2


def test_the_end_of_the_video_ends_a_segment():
    near(times(signer([('rest', 1), ('wave', 2)])), [(1, 3)])
    near(times(signer([('wave', 2)])), [(0, 2)])


def test_segments_are_told_soon_and_never_taken_back():
    poses = signer(TWICE)
    segmenter, told = SigningSegmenter(25.0, poses.frame_size), {}
    for frame, (keypoints, scores) in enumerate(zip(poses.keypoints, poses.scores, strict=True)):
        for segment in segmenter.push(keypoints, scores):
            told[segment] = frame
        running = segmenter.running
        assert running is None or running.end == frame + 1 == len(segmenter)
    assert list(told) == segments_of(poses) and segmenter.finish() == []
    for segment, frame in told.items():
        assert frame - segment.end <= 0.2 * 25


def test_speed_is_in_shoulder_widths_a_second():
    for rate in (12.5, 25, 50):
        frames = signer([('hold', 1)], rate)
        frames.keypoints[:, [10, *range(112, 133)], 0] += 0.1 * (np.arange(len(frames)) / rate)[:, None]
        motion = HandMotion(rate, frames.frame_size)
        left, right = [motion(k, s) for k, s in zip(frames.keypoints, frames.scores, strict=True)][-1]
        assert left.speed == pytest.approx(0, abs=1e-3) and right.speed == pytest.approx(0.5, abs=0.01)
        assert right.height == pytest.approx(0.3, abs=0.01)


@pytest.mark.parametrize('wrong', [dict(pause=-1), dict(overlap=5.0), dict(still=float('nan'))])
def test_rules_without_sense_are_refused(wrong):
    with pytest.raises(ValueError, match=r'overlap should be below|no values below 0'):
        SegmentRule(**wrong)


def test_times_need_a_frame_rate():
    poses = replace(signer(TWICE), frame_rate=None)
    with pytest.raises(ValueError, match='give frame_rate'):
        segments_of(poses)
    near([(s.start_seconds, s.end_seconds) for s in segments_of(poses, frame_rate=25.0)], [(1, 3), (3.4, 6.4)])

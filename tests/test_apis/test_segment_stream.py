"""Frames on an even timeline: what is missing between them, and what is kept."""

import numpy as np

from unisign.apis.segment_stream import SegmentStream, even_numbers, numbered
from unisign.segmentation import SegmentRule, segments_of
from unisign.structures import Poses

RATE = 20.0


def waving(seconds=(1, 2, 1, 3, 1)):
    """Return poses of somebody who rests, waves, rests, waves and rests, for so many seconds each."""
    up = np.concatenate([np.full(round(part * RATE), index % 2) for index, part in enumerate(seconds)])
    keypoints, scores = np.full((len(up), 133, 2), 0.5, np.float32), np.ones((len(up), 133), np.float32)
    keypoints[:, 5], keypoints[:, 6] = (0.6, 0.3), (0.4, 0.3)
    height = np.where(up, 0.36 + 0.06 * np.sin(np.arange(len(up)) * 2 * np.pi * 1.5 / RATE), 0.58)
    for hand in (9, 10, *range(91, 133)):
        keypoints[:, hand, 1] = height
    return Poses(keypoints, scores, (100, 100), RATE)


def run(poses, numbers, rule=None):
    stream, pieces = SegmentStream(RATE, poses.frame_size, rule), []
    for index, number in enumerate(numbers):
        pieces += stream.push(int(number), poses.keypoints[index], poses.scores[index], index)
    return stream, pieces + stream.finish()


def test_every_frame_gives_the_segments_of_the_whole_video():
    poses = waving()
    _, pieces = run(poses, range(len(poses)))
    assert [piece.segment for piece in pieces] == segments_of(poses) and len(pieces) == 2
    for piece in pieces:
        start, end = piece.segment.start, piece.segment.end
        assert piece.notes == list(range(start, end))
        assert np.array_equal(piece.poses.keypoints, poses.keypoints[start:end]) and piece.poses.frame_rate == RATE


def test_dropped_frames_lie_between_their_neighbours():
    poses = waving()
    kept = np.array([i for i in range(len(poses)) if i % 3 != 1])
    _, pieces = run(poses.select(kept), kept)
    for found, whole in zip(pieces, segments_of(poses), strict=True):
        assert abs(found.segment.start - whole.start) <= 1 and abs(found.segment.end - whole.end) <= 1
    piece = pieces[1]
    for row, number in enumerate(range(piece.segment.start, piece.segment.end)):
        there = poses.keypoints[number] if number % 3 != 1 else poses.keypoints[[number - 1, number + 1]].mean(axis=0)
        assert np.allclose(piece.poses.keypoints[row], there, atol=1e-6)
        assert kept[piece.notes[row]] == number - (number % 3 == 1)


def test_a_point_that_one_neighbour_lacks_is_the_others():
    poses = waving((0.1, 2))
    poses.scores[12, 100], poses.keypoints[12, 100] = 0, 0
    numbers = [i for i in range(len(poses)) if i != 13]
    stream = SegmentStream(RATE, (100, 100))
    for i in numbers[:-1]:
        stream.push(i, poses.keypoints[i], poses.scores[i])
    piece = stream.running_piece()
    row = 13 - piece.segment.start
    assert (
        np.array_equal(piece.poses.keypoints[row, 100], poses.keypoints[14, 100]) and piece.poses.scores[row, 100] == 1
    )


def test_nothing_is_guessed_over_long_gaps():
    poses = waving((1, 4, 1))
    kept = np.array([i for i in range(len(poses)) if not 50 <= i < 70])  # a second
    _, pieces = run(poses.select(kept), kept)
    assert len(pieces) == 2 and pieces[0].segment.end < 60 and pieces[1].segment.start >= 65


def test_frames_that_come_twice_or_late_are_passed_over():
    poses = waving()
    once = run(poses, range(len(poses)))[1]
    numbers = sorted([*range(len(poses)), *range(0, len(poses), 5)])
    twice = run(poses.select(np.array(numbers)), numbers)[1]
    assert [piece.segment for piece in twice] == [piece.segment for piece in once]


def test_only_the_running_segment_is_kept():
    poses = waving((2, 30, 2))
    stream, most = SegmentStream(RATE, (100, 100), SegmentRule(longest=5, overlap=1)), 0
    for i in range(len(poses)):
        stream.push(i, poses.keypoints[i], poses.scores[i])
        most = max(most, len(stream._kept))
    assert most <= 5 * RATE + 2


def test_times_of_uneven_frames():
    assert even_numbers(np.array([0, 0.04, 0.13, 0.2]), 25).tolist() == [0, 1, 3, 5]
    poses = numbered(waving().select(np.arange(3)), np.array([7, 9, 9]))
    assert poses.frame_ids.tolist() == [7, 9, 9] and poses.frame_rate is None

import numpy as np
import pytest

from unisign.pose import SignerRule, SignerTracker
from unisign.pose.signer_choice import motion_in_boxes, overlap

LEFT, RIGHT = np.array([10.0, 20, 60, 110]), np.array([110.0, 10, 160, 110])


def chunk(moving=None, count=9):
    """Grey frames of 170x120 pixels; inside the box ``moving`` they flicker."""
    frames = [np.full((120, 170, 3), 90, np.uint8) for _ in range(count)]
    if moving is not None:
        x1, y1, x2, y2 = moving.astype(int)
        for frame in frames[::2]:
            frame[y1:y2, x1:x2] = 190
    return frames


def test_overlap():
    assert overlap(np.array([0, 0, 2, 2.0]), np.array([1, 0, 3, 2.0])) == pytest.approx(2 / 6)
    assert overlap(LEFT, RIGHT) == 0


def test_motion_is_measured_inside_the_box():
    np.testing.assert_allclose(motion_in_boxes(chunk(LEFT), np.stack([LEFT, RIGHT]))[1], 0, atol=1)
    assert motion_in_boxes(chunk(LEFT), np.stack([LEFT, RIGHT]))[0] > 50
    assert motion_in_boxes(chunk(count=1), np.stack([LEFT])) == [0]


@pytest.mark.parametrize(
    ('rule', 'moving', 'expected'),
    [
        ({'centre': 0, 'motion': 0}, LEFT, RIGHT),  # the larger one
        ({}, LEFT, LEFT),  # motion outweighs a little size
        ({'size': 0, 'motion': 0}, RIGHT, np.add(LEFT, (20, 0, 20, 0))),  # 30 pixels from the middle, not 50
    ],
)
def test_rule(rule, moving, expected):
    left = expected if expected[0] < 85 else LEFT
    for people in ([left, RIGHT], [RIGHT, left]):  # whoever is named first
        boxes = SignerTracker(SignerRule(**rule)).follow(chunk(moving), {0: people, 4: people[::-1]})
        np.testing.assert_allclose(boxes, np.repeat(expected[None], 9, axis=0))


def test_boxes_move_between_detections_and_the_choice_is_kept():
    tracker = SignerTracker(SignerRule(centre=0, motion=0))
    boxes = tracker.follow(chunk(), {0: [LEFT, RIGHT], 4: [LEFT, RIGHT - (8, 0, 8, 0)]})
    np.testing.assert_allclose(boxes[[0, 2, 4, 8], 0], [110, 106, 102, 102])
    # The other one is larger and moves now; the signer stays the signer.
    taller = LEFT - (0, 20, 0, -5)
    assert tracker.follow(chunk(taller), {0: [taller, RIGHT]})[0, 0] == 110


def test_two_who_stand_close_are_two():
    close = np.add(LEFT, (15, 0, 15, 0))
    assert overlap(LEFT, close) > 0.3
    boxes = SignerTracker(SignerRule(motion=0)).follow(chunk(), {0: [LEFT], 4: [LEFT, close], 8: [LEFT, close]})
    np.testing.assert_allclose(boxes[:, 0], LEFT[0])


def test_someone_who_only_passes_is_no_signer():
    """The larger one is there in one of three looks."""
    tracker = SignerTracker(SignerRule(centre=0, motion=0))
    boxes = tracker.follow(chunk(), {0: [LEFT], 4: [LEFT, RIGHT], 8: [LEFT]})
    np.testing.assert_allclose(boxes[:, 0], LEFT[0])


def test_a_signer_who_walks_is_followed_from_where_he_was_last():
    tracker = SignerTracker(SignerRule(centre=0, motion=0))
    steps = {frame: [RIGHT - (5 * frame, 0, 5 * frame, 0)] for frame in (0, 4, 8)}  # 20 pixels from look to look
    assert tracker.follow(chunk(), steps)[8, 0] == RIGHT[0] - 40
    someone = np.add(RIGHT, (0, -5, 9, 0))  # taller, and where the signer stood first
    boxes = tracker.follow(chunk(), {0: [RIGHT - (50, 0, 50, 0), someone]})
    np.testing.assert_allclose(boxes[:, 0], RIGHT[0] - 50)


def test_a_signer_out_of_sight_is_waited_for_then_chosen_again():
    tracker = SignerTracker(SignerRule(patience=2))
    tracker.follow(chunk(), {0: [RIGHT]})
    np.testing.assert_allclose(tracker.follow(chunk(), {0: [LEFT], 4: []})[0], RIGHT)
    np.testing.assert_allclose(tracker.follow(chunk(), {0: [LEFT]})[0], LEFT)


def test_nobody():
    assert SignerTracker(SignerRule()).follow(chunk(), {0: np.zeros((0, 4)), 4: []}) is None


def test_weights_are_checked():
    with pytest.raises(ValueError, match=r'-1'):
        SignerRule(motion=-1)

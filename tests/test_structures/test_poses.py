import numpy as np
import pytest

from unisign.structures import ClipError, Poses


def make_poses(frames=4):
    return Poses(np.full((frames, 133, 2), 0.5, np.float32), np.ones((frames, 133), np.float32))


def test_select_keeps_the_original_frame_ids():
    poses = make_poses(6).select(np.array([1, 3, 5])).select(np.array([0, 2]))
    assert poses.frame_ids.tolist() == [1, 5]
    assert len(poses) == 2


def test_good_poses_pass_also_a_little_outside_the_frame():
    poses = make_poses()
    poses.keypoints[0, :3] = 1.3
    poses.scores[0] = 1.2
    assert poses.validate('clip') is poses


def test_wrong_shape_names_the_shape():
    poses = Poses(np.zeros((4, 17, 2), np.float32), np.zeros((4, 17), np.float32))
    with pytest.raises(ClipError, match=r'clip_7: .*\[4, 17, 2\].*COCO-WholeBody'):
        poses.validate('clip_7')


def test_empty_clip():
    with pytest.raises(ClipError, match='clip_7: the clip has no frames'):
        make_poses(0).validate('clip_7')


@pytest.mark.parametrize(('field', 'value'), [('keypoints', np.nan), ('scores', np.inf)])
def test_values_that_are_not_finite_name_the_frame(field, value):
    poses = make_poses()
    getattr(poses, field)[2, 7] = value
    with pytest.raises(ClipError, match=rf'{field} hold NaN or infinity in 1 of 4 frames \(first: frame 2\)'):
        poses.validate('clip_7')


def test_pixel_coordinates_are_refused_with_advice():
    poses = Poses(np.full((4, 133, 2), 320.0, np.float32), np.ones((4, 133), np.float32))
    with pytest.raises(ClipError, match=r'largest value 320\.0.*pixel coordinates.*Divide x by the frame width'):
        poses.validate('clip_7')


def test_legs_may_be_guessed_far_below_the_frame():
    poses = make_poses()
    poses.keypoints[:, 11:23, 1] = 3.8
    poses.validate('clip_7')


def test_a_tenth_of_the_frames_in_pixels_is_refused():
    poses = make_poses(20)
    poses.keypoints[:2] *= 640
    with pytest.raises(ClipError, match='2 of 20 frames'):
        poses.validate('clip_7')


def test_missing_points_may_have_any_coordinates():
    poses = make_poses()
    poses.keypoints[:, :60] = -1000
    poses.scores[:, :60] = 0
    poses.validate('clip_7')

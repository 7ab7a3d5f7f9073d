import numpy as np

from unisign.structures import KEYPOINT_MIRROR
from unisign.structures.mediapipe_layout import BODY, FACE, NO_SMALL_TOE, to_whole_body

# MediaPipe's pose landmarks of the signer's left side have odd numbers from 7 on; the eyes are 2 and 5.
POSE_MIRROR = {0: 0, 2: 5, 5: 2} | {i: i + 1 if i % 2 else i - 1 for i in range(7, 33)}


def marked(count):
    return np.stack([np.arange(count), 1000 + np.arange(count), np.ones(count)], axis=1)


def test_parts_go_to_their_places():
    keypoints, scores = to_whole_body(marked(33), marked(21), np.add(marked(21), (100, 100, 0)), marked(478))
    assert keypoints[[9, 10], 0].tolist() == [15, 16]  # wrists
    assert keypoints[91:112, 0].tolist() == list(range(21))
    assert keypoints[112:, 0].tolist() == list(range(100, 121))
    assert keypoints[53].tolist() == [4, 1004]  # tip of the nose
    assert np.flatnonzero(scores == 0).tolist() == list(NO_SMALL_TOE)


def test_absent_parts_have_score_0():
    keypoints, scores = to_whole_body(marked(33), None, None, None)
    assert (scores[23:] == 0).all() and (keypoints[23:] == 0).all()
    assert (to_whole_body(None, None, None, None)[1] == 0).all()


def test_a_point_that_is_not_visible_has_no_place():
    pose = marked(33)
    pose[16, 2] = 0  # the right wrist; MediaPipe guesses where it would be
    keypoints, scores = to_whole_body(pose, None, None, None)
    assert scores[10] == 0 and keypoints[10].tolist() == [0, 0] and keypoints[9].tolist() == [15, 1015]


def test_left_and_right_agree_with_the_mirror_table():
    for point, landmark in BODY.items():
        assert BODY[KEYPOINT_MIRROR[point]] == POSE_MIRROR[landmark]


def test_every_face_point_is_a_vertex_of_its_own():
    assert len(FACE) == len(set(FACE)) == 68

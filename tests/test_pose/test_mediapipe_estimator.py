import importlib.util

import numpy as np
import pytest

from unisign.pose import build_estimator
from unisign.pose.mediapipe_people import best_boxes, windows
from unisign.registry import POSE_ESTIMATORS
from unisign.structures import ClipError

needs_mediapipe = pytest.mark.skipif(
    importlib.util.find_spec('mediapipe') is None, reason='needs mediapipe: bash tools/install_pose.sh'
)


def test_windows_cover_the_frame():
    assert windows(100, 110) == [(0, 110)]
    assert windows(100, 200) == [(0, 100), (50, 150), (100, 200)]


def test_the_same_person_in_two_windows_counts_once():
    one, shifted, other = np.array([0, 0, 10, 10.0]), np.array([1, 0, 11, 10.0]), np.array([50, 0, 60, 10.0])
    np.testing.assert_array_equal(best_boxes([(1, one), (2, shifted), (1, other)]), [shifted, other])
    assert best_boxes([]).shape == (0, 4)


def test_unknown_name():
    with pytest.raises(ValueError, match='mediapip'):
        build_estimator('mediapip')


@pytest.mark.parametrize(
    ('frames', 'problem'),
    [
        ([], 'no frames'),
        ([np.zeros((4, 4, 3))], 'frame 0 should be uint8'),
        ([np.zeros((48, 64, 3), np.uint8), np.zeros((48, 60, 3), np.uint8)], 'frame 1 is 60x48'),
    ],
)
@needs_mediapipe
def test_wrong_frames_are_named(frames, problem):
    with pytest.raises(ClipError, match=f'clip.mp4: .*{problem}'):
        build_estimator('mediapipe')(frames, source='clip.mp4')


@needs_mediapipe
def test_nobody_gives_score_0():
    estimator = POSE_ESTIMATORS.build(dict(type='MediaPipeEstimator', detect_every=1))
    poses = estimator([np.full((96, 64, 3), 128, np.uint8)], frame_rate=25.0)
    assert (len(poses), poses.frame_size, poses.frame_rate) == (1, (64, 96), 25.0)
    assert not poses.scores.any() and not poses.keypoints.any()

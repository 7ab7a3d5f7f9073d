import numpy as np
import pytest

from unisign.pose import resample
from unisign.structures import Poses


def clip(frames=4, rate=10.0):
    keypoints = np.tile(np.arange(frames, dtype=np.float32)[:, None, None] / 10, (1, 133, 2))
    return Poses(keypoints, np.ones((frames, 133), np.float32), (10, 10), rate)


def test_twice_as_many_frames():
    poses = resample(clip(), 20)
    np.testing.assert_allclose(poses.keypoints[:, 0, 0], [0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.3], atol=1e-6)
    assert (poses.frame_rate, poses.keypoints.dtype) == (20.0, np.float32)


def test_half_as_many_frames():
    poses = resample(clip(), 5)
    np.testing.assert_allclose(poses.keypoints[:, 0, 0], [0, 0.2], atol=1e-6)
    assert poses.frame_ids.tolist() == [0, 2]


def test_a_missing_point_is_not_mixed():
    poses = clip(2, 1.0)
    poses.scores[1, 5], poses.keypoints[1, 5] = 0, 0
    mixed = resample(poses, 4)
    assert mixed.scores[:, 5].tolist() == [1, 1, 1, 0, 0, 0, 0, 0]
    assert not mixed.keypoints[:, 5].any()  # of frame 0 it lies at 0 too


@pytest.mark.parametrize(('rate', 'new'), [(None, 5), (10.0, 0)])
def test_rates_are_checked(rate, new):
    with pytest.raises(ValueError, match='frames per second'):
        resample(clip(rate=rate), new)

import numpy as np
import pytest

from unisign.datasets.frame_mapping import video_frames
from unisign.datasets.video_readers import VideoInfo
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
    assert poses.frame_ids is None  # numbered anew


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


def test_uneven_times():
    """Frames at 0, 0.1, 0.4, 0.5 s, values 0 .. 0.3; at 10 a second the gap is filled."""
    poses = resample(clip(rate=8.0), 10, times=np.array([0, 0.1, 0.4, 0.5]))
    expected = [0, 0.1, 0.1 + 0.1 / 3, 0.1 + 0.2 / 3, 0.2, 0.3]
    np.testing.assert_allclose(poses.keypoints[:, 0, 0], expected, atol=1e-6)
    assert poses.frame_rate == 10.0
    late = resample(clip(rate=8.0), 10, times=np.array([7.0, 7.1, 7.4, 7.5]))  # only differences count
    np.testing.assert_allclose(late.keypoints, poses.keypoints, atol=1e-6)


def test_even_times_change_nothing():
    poses, times = clip(7, 10.0), np.arange(7) / 10
    for rate in (5, 10, 17):
        np.testing.assert_allclose(resample(poses, rate, times).keypoints, resample(poses, rate).keypoints, atol=1e-6)


@pytest.mark.parametrize('times', [np.arange(3), np.array([0, 1, 1, 2])])
def test_times_are_checked(times):
    with pytest.raises(ValueError, match='ascending, one for each of the 4 frames'):
        resample(clip(), 5, times)


@pytest.mark.parametrize('rate', [12.5, 50.0])
def test_the_video_frame_of_a_resampled_entry_is_found(rate):
    """Poses made from a video at 25 frames a second, resampled, and cut: crops must come from the right frames."""
    video = VideoInfo(100, 25.0, (10, 10))
    poses = resample(clip(100, 25.0), rate)
    whole = video_frames(poses, video, 'v', stored_frames=len(poses))
    assert whole.tolist() == np.minimum(np.floor(np.arange(len(poses)) * 25 / rate + 0.5), 99).tolist()
    part = video_frames(poses.select(np.arange(10, 20)), video, 'v')
    assert part.tolist() == whole[10:20].tolist()
    cut_first = resample(clip(100, 25.0).select(np.arange(20, 60)), rate)
    assert video_frames(cut_first, video, 'v')[0] == 20 and len(cut_first) == round(40 * rate / 25)

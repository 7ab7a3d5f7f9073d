from dataclasses import replace

import numpy as np
import pytest

from unisign.datasets.frame_mapping import video_frames
from unisign.datasets.video_readers import VideoInfo
from unisign.structures import ClipError, Poses


def poses(count, ids=None, rate=None, size=None):
    zeros = np.zeros((count, 133), np.float32)
    return Poses(np.zeros((count, 133, 2), np.float32), zeros, size, rate, None if ids is None else np.array(ids))


def info(count, rate=25.0, size=(640, 480), announced=None):
    return VideoInfo(count, rate, size, announced)


def test_frame_by_frame_unless_something_else_is_known():
    assert video_frames(poses(4), info(4), 'v').tolist() == [0, 1, 2, 3]
    assert video_frames(poses(4, ids=[3, 5, 8, 9]), info(10), 'v').tolist() == [3, 5, 8, 9]  # start, thinning
    assert video_frames(poses(3, rate=30.0), info(9, rate=None), 'v').tolist() == [0, 1, 2]
    assert video_frames(poses(3, rate=30.0), info(9, rate=29.97), 'v').tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ('pose_rate', 'video_rate', 'ids', 'count', 'expected'),
    [
        (15.0, 30.0, [0, 1, 2, 9], 20, [0, 2, 4, 18]),
        (30.0, 15.0, [0, 1, 2, 19], 10, [0, 1, 1, 9]),  # 19 / 2 = 9.5: the last frame, not the one behind it
        (25.0, 30.0, [0, 5, 6, 24], 30, [0, 6, 7, 29]),  # 7.2, 28.8
    ],
)
def test_other_rates_are_matched_by_the_moment(pose_rate, video_rate, ids, count, expected):
    clip = poses(len(ids), ids=ids, rate=pose_rate)
    assert video_frames(clip, info(count, video_rate), 'v').tolist() == expected


def test_a_video_with_uneven_frames_is_matched_by_its_own_times():
    """Frames at 0, 0.1, 0.4, 0.5 s, 6 a second in the mean; poses at 10 a second."""
    video = replace(info(4, rate=6.0), times=np.array([0, 0.1, 0.4, 0.5]))
    assert video_frames(poses(6, rate=10.0), video, 'v').tolist() == [0, 1, 1, 2, 2, 3]
    assert video_frames(poses(4, rate=6.0), video, 'v', stored_frames=4).tolist() == [0, 1, 2, 3]  # frame by frame
    late = replace(video, times=np.array([0, 0.05, 0.1, 0.5]))
    assert video_frames(poses(2, ids=[1, 2], rate=6.0), late, 'v').tolist() == [1, 2]  # the rate of the video itself
    with pytest.raises(ClipError, match='need frame 4'):
        video_frames(poses(8, rate=10.0), video, 'v')


def test_as_many_frames_are_the_same_frames_whatever_the_rates_say():
    clip = poses(20, rate=15.0)
    assert video_frames(clip, info(20, rate=30.0), 'v', stored_frames=20).tolist() == list(range(20))


def test_by_count_both_cover_the_same_time():
    clip = poses(4, ids=[0, 50, 51, 99])
    assert video_frames(clip, info(50), 'v', stored_frames=100, align='count').tolist() == [0, 25, 26, 49]
    assert video_frames(clip, info(200), 'v', stored_frames=100, align='count').tolist() == [0, 100, 102, 198]
    with pytest.raises(ClipError, match="align='count' needs the number of frames of the whole pose file"):
        video_frames(clip, info(200), 'v', align='count')


def test_a_video_shorter_than_the_poses():
    with pytest.raises(
        ClipError, match='v: the video is shorter than the poses: it has 9 frames, and they need frame 9'
    ):
        video_frames(poses(10), info(9), 'v')
    with pytest.raises(ClipError, match=r'its header announces 30: it is cut off'):
        video_frames(poses(30), info(21, announced=30), 'v')
    with pytest.raises(ClipError, match=r'need frame 18 \(frame 9 of the poses, at 15 frames a second\)'):
        video_frames(poses(10, rate=15.0), info(18, rate=30.0), 'v')


def test_a_video_of_another_shape():
    clip = poses(3, size=(640, 480))
    assert len(video_frames(clip, info(3, size=(320, 240)), 'v')) == 3  # scaled: fractions of the frame stay true
    assert len(video_frames(clip, info(3, size=(427, 320)), 'v')) == 3  # sides were rounded
    with pytest.raises(ClipError, match='its frames are 512x512, of another shape than the 640x480'):
        video_frames(clip, info(3, size=(512, 512)), 'v')
    with pytest.raises(ClipError, match=r'480x640.*Width and height seem to be swapped'):
        video_frames(clip, info(3, size=(480, 640)), 'v')
    assert len(video_frames(replace(clip, frame_size=None), info(3, size=(512, 512)), 'v')) == 3

"""MediaPipe on two real clips of signing (UNISIGN_SHARED)."""

import cv2
import numpy as np
import pytest

from unisign.pose import build_estimator
from unisign.pose.mediapipe_people import PeopleFinder
from unisign.registry import VIDEO_READERS

pytest.importorskip('mediapipe', reason='needs mediapipe: bash tools/install_pose.sh')
pytestmark = pytest.mark.slow
RIGHT_HAND = 112


def frames_of(shared, name, width, step):
    reader, path = VIDEO_READERS.build({'type': 'VideoFiles'}), shared / 'data' / 'msl150' / f'{name}.mp4'
    frames = reader.frames(path, np.arange(0, reader.info(path).num_frames, step))
    return [cv2.resize(frame, (width, width * 9 // 16), interpolation=cv2.INTER_AREA) for frame in frames]


def test_second_search_finds_more_hands_in_small_video(shared):
    frames = frames_of(shared, 'yo_001', width=96, step=3)
    shares = {}
    for second_search in (False, True):
        poses = build_estimator(dict(type='MediaPipeEstimator', second_search=second_search))(frames)
        shares[second_search] = (poses.scores[:, RIGHT_HAND] > 0).mean()
    assert shares[True] >= shares[False] + 0.05
    assert shares[True] >= 0.9


@pytest.fixture(scope='module')
def two_clips(shared):
    """Frames of two clips in which somebody signs; in the first there is more motion."""
    clips = [frames_of(shared, name, width=320, step=3) for name in ('hoy_001', 'yo_001')]
    count = min(map(len, clips))
    clips = [clip[:count] for clip in clips]
    more, less = (np.abs(np.diff(np.stack(clip).astype(int), axis=0)).mean() for clip in clips)
    assert count >= 15 and more > 1.3 * less > 0.5
    return clips


@pytest.fixture(scope='module')
def alone(two_clips):
    """Keypoints of the one who signs more, as seen alone."""
    return build_estimator('mediapipe')(two_clips[0])


def side_by_side(two_clips, side):
    pair = two_clips if side == 'left' else two_clips[::-1]
    return [np.hstack(frames) for frames in zip(*pair, strict=True)]


@pytest.mark.parametrize('side', ['left', 'right'])
def test_of_two_who_sign_the_same_one_is_followed(two_clips, alone, side):
    estimator = build_estimator(dict(type='MediaPipeEstimator', detect_every=4, chunk=8))  # chosen in the first of 3
    poses = estimator(side_by_side(two_clips, side))
    assert (poses.scores[:, 0] > 0.5).all()
    inside = (poses.keypoints[:, 0, 0] < 0.5) == (side == 'left')
    assert inside.mean() >= 0.95 and (np.diff(inside.astype(int)) == 0).all()
    in_the_clip = poses.keypoints * (2, 1) - (0 if side == 'left' else 1, 0)
    distance = np.linalg.norm(in_the_clip[:, 5:11] - alone.keypoints[:, 5:11], axis=2)  # arms
    assert np.median(distance) < 0.03
    both = (poses.scores[:, RIGHT_HAND] > 0) & (alone.scores[:, RIGHT_HAND] > 0)
    assert both.mean() >= 0.9  # with the signer's own hands
    assert np.median(np.linalg.norm(in_the_clip[both, 112:] - alone.keypoints[both, 112:], axis=2)) < 0.03


@pytest.mark.filterwarnings('ignore')
def test_mmpose_looks_at_the_same_one(two_clips, monkeypatch):
    """People found by MediaPipe stand in for RTMDet's, whose weights are not here; points of random weights lie in the
    box that they are estimated in."""
    pytest.importorskip('mmpose', reason='needs mmpose: bash tools/install_pose.sh')
    import mediapipe

    name = 'rtmpose-t_8xb64-270e_coco-ubody-wholebody-256x192'
    estimator = build_estimator(
        dict(
            type='MMPoseEstimator',
            model=name,
            weights=None,
            detector='rtmdet-tiny',
            detector_weights=None,
            detect_every=4,
            chunk=8,
            device='cpu',
        )
    )
    with PeopleFinder(mediapipe.solutions, 0.5) as people:
        monkeypatch.setattr(estimator, '_people', people.find)
        keypoints = estimator(side_by_side(two_clips, 'right')).keypoints
    assert (keypoints.mean(axis=1)[:, 0] > 0.5).all()
    assert (keypoints[..., 0] > 0.5).mean() >= 0.95

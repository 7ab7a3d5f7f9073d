"""MediaPipe on two real clips of signing (UNISIGN_SHARED)."""

import cv2
import numpy as np
import pytest

from unisign.pose import build_estimator
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


@pytest.mark.parametrize('side', ['left', 'right'])
def test_the_one_who_signs_is_followed(shared, side):
    moving = frames_of(shared, 'hoy_001', width=320, step=4)
    standing = frames_of(shared, 'yo_001', width=320, step=100)[:1] * len(moving)
    pairs = (moving, standing) if side == 'left' else (standing, moving)
    frames = [np.hstack(pair) for pair in zip(*pairs, strict=True)]
    estimator = build_estimator(dict(type='MediaPipeEstimator', detect_every=8, chunk=8))
    poses = estimator(frames)
    inside = (poses.keypoints[:, 0, 0] < 0.5) == (side == 'left')
    assert inside.mean() >= 0.95 and (poses.scores[:, 0] > 0.5).all()

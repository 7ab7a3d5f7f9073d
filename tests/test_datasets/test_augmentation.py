"""The pose augmentations: hand-worked results, and what every one of them must keep."""

import time

import numpy as np
import pytest

from unisign.datasets.transforms import spatial_augmentation as spatial
from unisign.datasets.transforms import temporal_augmentation as temporal
from unisign.registry import TRANSFORMS
from unisign.structures import Poses

SPATIAL = (
    'RandomMirrorPoses',
    'RandomAffinePoses',
    'RandomBodyProportions',
    'RandomHandPlacement',
    'RandomHandRotation',
    'RandomFingerPoses',
    'RandomKeypointNoise',
)
TEMPORAL = ('RandomTimeWarp', 'RandomDropFrames', 'RandomDropHands', 'RandomDropPoints')


def make_poses(num_frames=20, frame_size=None):
    """A clip with a whole signer's layout, one missing hand in three frames, one face point always missing."""
    rng = np.random.default_rng(0)
    keypoints = rng.uniform(0.3, 0.7, (num_frames, 133, 2)).astype(np.float32)
    keypoints[:, 5], keypoints[:, 6] = (0.6, 0.5), (0.4, 0.5)
    scores = np.full((num_frames, 133), 0.9, dtype=np.float32)
    scores[4:7, spatial.LEFT_HAND] = 0
    scores[:, 53] = 0  # the nose tip: its own mirror image
    keypoints[scores == 0] = 0
    return Poses(keypoints, scores, frame_size=frame_size, frame_rate=25.0)


def run(name, poses, seed=0, **kwargs):
    transform = TRANSFORMS.build(dict(type=name, **kwargs))
    return transform(dict(poses=poses, rng=np.random.default_rng(seed)))['poses']


@pytest.mark.parametrize('name', SPATIAL + TEMPORAL)
def test_contract(name):
    """Same generator, same result; missing stays missing; input untouched; a valid clip of float32 comes out."""
    poses = make_poses()
    keypoints, scores = poses.keypoints.copy(), poses.scores.copy()
    changed = 0
    for seed in range(20):
        once, again = run(name, poses, seed), run(name, poses, seed)
        np.testing.assert_array_equal(once.keypoints, again.keypoints)
        np.testing.assert_array_equal(once.scores, again.scores)
        assert once.keypoints.dtype == once.scores.dtype == np.float32
        once.validate(name)
        assert not once.keypoints[once.scores == 0].any()
        assert np.isin(once.scores.round(5), np.float32([0, 0.9])).all()
        assert not once.scores[:, 53].any()
        if name in SPATIAL:
            assert (once.scores == 0).sum() == (poses.scores == 0).sum()
        changed += once.keypoints.shape != keypoints.shape or not np.array_equal(once.keypoints, keypoints)
    assert changed > 2
    np.testing.assert_array_equal(poses.keypoints, keypoints)
    np.testing.assert_array_equal(poses.scores, scores)


@pytest.mark.parametrize('name', SPATIAL + TEMPORAL)
@pytest.mark.parametrize('num_frames', [1, 2])
def test_short_and_empty_clips(name, num_frames):
    """One frame, and a clip in which nothing was seen, pass without a warning or an error."""
    nothing = Poses(np.zeros((num_frames, 133, 2), np.float32), np.zeros((num_frames, 133), np.float32))
    with np.errstate(divide='raise', invalid='raise', over='raise'):
        assert len(run(name, make_poses(num_frames))) >= 1
        assert not run(name, nothing).keypoints.any()


def test_mirror_swaps_sides():
    poses = make_poses()
    mirrored = run('RandomMirrorPoses', poses, prob=1.0)
    np.testing.assert_allclose(mirrored.keypoints[0, 10], [1 - poses.keypoints[0, 9, 0], poses.keypoints[0, 9, 1]])
    assert not mirrored.scores[4:7, spatial.RIGHT_HAND].any()
    assert mirrored.scores[4:7, spatial.LEFT_HAND].all()
    twice = run('RandomMirrorPoses', mirrored, prob=1.0)
    np.testing.assert_allclose(twice.keypoints, poses.keypoints, atol=1e-6)
    assert sum(run('RandomMirrorPoses', poses, seed) is not poses for seed in range(200)) == pytest.approx(100, abs=30)


def test_affine_keeps_angles_on_the_screen():
    """A pure turn of a 200 x 100 frame keeps every distance in pixels and the middle of the shoulders."""
    poses = make_poses(frame_size=(200, 100))
    turned = run('RandomAffinePoses', poses, rotation=40.0, stretch=0.0, shear=0.0)
    old, new = (p.keypoints[0, [5, 6, 9]] * (200, 100) for p in (poses, turned))
    assert np.linalg.norm(new[0] - new[2]) == pytest.approx(np.linalg.norm(old[0] - old[2]), rel=1e-4)
    np.testing.assert_allclose(new[:2].mean(0), old[:2].mean(0), atol=1e-3)
    assert abs(new[0, 1] - new[1, 1]) > 1  # it did turn


def test_affine_stretch_keeps_the_area():
    poses = make_poses()
    new = run('RandomAffinePoses', poses, rotation=0.0, stretch=0.5, shear=0.0)
    factor_x, factor_y = np.ptp(new.keypoints[0, :17], axis=0) / np.ptp(poses.keypoints[0, :17], axis=0)
    assert factor_x * factor_y == pytest.approx(1, rel=1e-4)
    assert abs(factor_x - 1) > 0.01


def test_proportions_move_the_arm_as_a_chain():
    """The wrist lies on the elbow, so only the upper arm grows: elbow along the arm, wrist and hand as far as it."""
    poses = make_poses()
    poses.keypoints[:, 9] = poses.keypoints[:, 7]
    new = run('RandomBodyProportions', poses, head=0.0, shoulders=0.0, arms=0.3, hands=0.0)
    moved = new.keypoints - poses.keypoints
    np.testing.assert_allclose(moved[:, 5:7], 0, atol=1e-6)
    factor = moved[0, 7] / (poses.keypoints[0, 7] - poses.keypoints[0, 5])
    assert factor[0] == pytest.approx(factor[1], rel=1e-3)
    assert abs(factor[0]) > 0.01
    np.testing.assert_allclose(moved[:, 9], moved[:, 7], atol=1e-6)
    np.testing.assert_allclose(moved[0, spatial.LEFT_HAND], np.broadcast_to(moved[0, 7], (21, 2)), atol=1e-6)


def test_hand_size_is_about_the_wrist():
    poses = make_poses()
    new = run('RandomBodyProportions', poses, head=0.0, shoulders=0.0, arms=0.0, hands=0.5)
    np.testing.assert_allclose(new.keypoints[:, 112], poses.keypoints[:, 112], atol=1e-6)
    old_hand, new_hand = (p.keypoints[0, 113:] - p.keypoints[0, 112] for p in (poses, new))
    factor = (new_hand * old_hand).sum() / (old_hand**2).sum()
    np.testing.assert_allclose(new_hand, factor * old_hand, atol=1e-6)
    assert np.exp(-0.5) <= factor <= np.exp(0.5)
    assert abs(factor - 1) > 0.01


def test_idle_hand_fills_in_a_missing_hand_only():
    """The left hand is never seen: it appears below its shoulder, nearly still; everything but its wrist stays."""
    poses = make_poses(40)
    assert run('RandomIdleHand', poses, prob=1.0) is poses  # both hands are there
    poses.scores[:, spatial.LEFT_HAND] = 0
    poses.keypoints[:, spatial.LEFT_HAND] = 0
    lengths = set()
    for seed in range(20):
        new = run('RandomIdleHand', poses, seed, prob=1.0, height=(1.0, 2.0), side=0.5, drift=0.02)
        others = [i for i in range(133) if not 91 <= i < 112 and i != 9]
        np.testing.assert_array_equal(new.keypoints[:, others], poses.keypoints[:, others])
        seen = new.scores[:, 91] > 0
        lengths.add(int(seen.sum()))
        assert (new.scores[:, spatial.LEFT_HAND] > 0).all(axis=1).sum() == seen.sum()
        root = new.keypoints[seen, 91]
        np.testing.assert_array_equal(root, new.keypoints[seen, 9])
        assert (abs(root[:, 0] - 0.6) < 0.1 + 0.03).all()  # shoulders 0.2 apart, the left one at (0.6, 0.5)
        assert ((root[:, 1] > 0.7 - 0.03) & (root[:, 1] < 0.9 + 0.03)).all()
        size = np.linalg.norm(new.keypoints[seen, 91:112] - root[:, None], axis=2).max(initial=0)
        assert size < 2 * 0.4 * 0.2
    assert 40 in lengths
    assert len(lengths) > 3


def test_placement_moves_wrist_and_hand_together():
    poses = make_poses()
    moved = run('RandomHandPlacement', poses, shift=0.2, drift=0.1).keypoints - poses.keypoints
    np.testing.assert_allclose(moved[:, 112:], np.broadcast_to(moved[:, 10:11], (20, 21, 2)), atol=1e-6)
    np.testing.assert_allclose(moved[:, 8], moved[:, 10] / 2, atol=1e-6)
    assert not moved[:, :7].any()
    assert np.abs(moved[:, 10]).max() > 1e-3


def test_hand_rotation_and_fingers_keep_the_wrist():
    poses = make_poses()
    for name in ('RandomHandRotation', 'RandomFingerPoses'):
        moved = run(name, poses).keypoints - poses.keypoints
        assert not moved[:, :91].any()
        assert np.abs(moved[:, [91, 112]]).max() < 1e-6
        assert np.abs(moved[:, 113:]).max() > 1e-3
    turned = run('RandomHandRotation', poses, tilt=0.0).keypoints
    lengths = [np.linalg.norm(k[0, 113:] - k[0, 112], axis=1) for k in (poses.keypoints, turned)]
    np.testing.assert_allclose(*lengths, rtol=1e-4)
    bent = run('RandomFingerPoses', poses, rotation=5.0, length=0.0).keypoints
    bones = [np.linalg.norm(k[0, 114] - k[0, 113]) for k in (poses.keypoints, bent)]
    assert bones[0] == pytest.approx(bones[1], rel=1e-4)


def test_noise_is_in_shoulder_widths():
    """Shoulders 0.2 apart: noise of 0.05 is 0.01 in frame units, half of it on the hands."""
    poses = make_poses(200)
    noise = run('RandomKeypointNoise', poses, white=0.05, slow=0.0).keypoints - poses.keypoints
    assert noise[:, :17].std() == pytest.approx(0.01, rel=0.05)
    assert noise[:, 112:].std() == pytest.approx(0.005, rel=0.05)


def test_resample_interpolates_only_what_is_seen():
    """Point 0 moves 0, 1, 2; point 1 is missing in frame 1: around it the nearer frame decides."""
    keypoints, scores = np.zeros((3, 133, 2), np.float32), np.ones((3, 133), np.float32)
    keypoints[:, 0, 0] = [0, 1, 2]
    keypoints[:, 1, 0] = [5, 0, 7]
    scores[1, 1] = 0
    out = temporal.resample(Poses(keypoints, scores), np.array([0.0, 0.25, 0.75, 1.75, 2.0]))
    np.testing.assert_allclose(out.keypoints[:, 0, 0], [0, 0.25, 0.75, 1.75, 2.0])
    np.testing.assert_allclose(out.keypoints[:, 1, 0], [5, 5, 0, 7, 7])
    np.testing.assert_allclose(out.scores[:, 1], [1, 1, 0, 1, 1])


def test_time_warp_lengths_and_order():
    poses = make_poses(40)
    poses.keypoints[:, 0, 0] = np.linspace(0, 1, 40)
    lengths = {len(run('RandomTimeWarp', poses, seed, speed=0.5)) for seed in range(30)}
    assert min(lengths) >= round(40 / np.exp(0.5))
    assert max(lengths) <= round(40 * np.exp(0.5))
    assert len(lengths) > 10
    for seed in range(10):
        clock = run('RandomTimeWarp', poses, seed, keep_length=True, crop=0.2).keypoints[:, 0, 0]
        assert len(clock) == 40
        assert (np.diff(clock) >= 0).all()
        assert clock[-1] - clock[0] >= 0.79
    assert len(run('RandomTimeWarp', poses, 1, speed=0.5, max_frames=10)) == 10


def test_drop_frames_and_hands():
    poses = make_poses(40)
    kept = run('RandomDropFrames', poses, share=0.5, prob=1.0)
    assert 2 <= len(kept) < 40
    assert list(kept.frame_ids) == sorted(set(kept.frame_ids))
    held = run('RandomDropFrames', poses, share=0.5, prob=1.0, repeat=True)
    assert len(held) == 40
    assert len(set(held.frame_ids)) < 40
    assert (np.diff(held.frame_ids) >= 0).all()
    lost = run('RandomDropHands', poses, span=1.0, prob=1.0).scores
    np.testing.assert_array_equal(lost[:, :91], poses.scores[:, :91])
    seen = lost[:, spatial.RIGHT_HAND] > 0
    assert (seen.all(axis=1) | ~seen.any(axis=1)).all()
    assert not seen.all()


def test_drop_points_keeps_the_hands_origin():
    poses = make_poses(40)
    scores = run('RandomDropPoints', poses, clip_prob=0.3, frame_prob=0.3, arm_prob=1.0).scores
    assert not scores[:, 7:11].any()
    assert scores[:, 112].all()
    assert 0.3 < (scores[:, 113:] == 0).mean() < 0.7  # expected: 1 - 0.7 * 0.7 = 0.51


def test_speed():
    """Every transform stays well below a millisecond for 64 frames; the limit leaves room for a busy machine."""
    poses = make_poses(64)
    for name in (*SPATIAL, *TEMPORAL, 'RandomIdleHand'):
        transform = TRANSFORMS.build(dict(type=name))
        best = min(_seconds(transform, dict(poses=poses, rng=np.random.default_rng(0))) for _ in range(20))
        assert best < 3e-3, f'{name} took {best * 1e3:.2f} ms'


def _seconds(transform, results):
    start = time.perf_counter()
    transform(results)
    return time.perf_counter() - start

import pickle
import runpy
import subprocess
import sys

import numpy as np
import pytest

from unisign.datasets import normalize_parts
from unisign.registry import TRANSFORMS
from unisign.stores import read_published_pickle
from unisign.structures import PARTS, Poses


def make_clip(frames=2):
    """A signer whose body points span x 0.4..0.6 and y 0.2..0.6, so the square's side is 0.4 around (0.5, 0.4)."""
    keypoints = np.full((frames, 133, 2), 0.5, np.float32)
    scores = np.ones((frames, 133), np.float32)
    keypoints[:, 0] = (0.5, 0.2)  # nose
    keypoints[:, 5], keypoints[:, 6] = (0.6, 0.4), (0.4, 0.4)  # shoulders
    keypoints[:, 9], keypoints[:, 10] = (0.6, 0.6), (0.4, 0.6)  # wrists
    return keypoints, scores


def test_body_by_hand():
    body = normalize_parts(*make_clip())['body']
    assert body.shape == (2, 9, 3)
    assert body.dtype == np.float32
    nose, left_shoulder, right_wrist = body[0, 0], body[0, 3], body[0, 8]
    np.testing.assert_allclose(nose, (0, -1, 1), atol=1e-6)
    np.testing.assert_allclose(left_shoulder, (0.5, 0, 1), atol=1e-6)
    np.testing.assert_allclose(right_wrist, (-0.5, 1, 1), atol=1e-6)


def test_hands_and_face_by_hand():
    keypoints, scores = make_clip()
    keypoints[0, 91] = (0.7, 0.5)  # left wrist point, the origin
    keypoints[0, 92] = (0.8, 0.3)
    keypoints[0, 99] = (0.1, 0.5)  # 0.6 away, that is 1.5 sides: clipped
    keypoints[1, 112], keypoints[1, 113] = (0.2, 0.2), (0.2, 0.3)
    keypoints[0, 53], keypoints[0, 23] = (0.5, 0.3), (0.4, 0.3)  # nose tip, the origin, and the first jaw point
    scores[0, 92] = 1.4  # scores are clipped too
    parts = normalize_parts(keypoints, scores)
    np.testing.assert_allclose(parts['left'][0, 0], (0, 0, 1), atol=1e-6)
    np.testing.assert_allclose(parts['left'][0, 1], (0.25, -0.5, 1), atol=1e-6)
    np.testing.assert_allclose(parts['left'][0, 8], (-1, 0, 1), atol=1e-6)
    np.testing.assert_allclose(parts['right'][1, 1], (0, 0.25, 1), atol=1e-6)
    np.testing.assert_allclose(parts['face_all'][0, 0], (-0.25, 0, 1), atol=1e-6)
    np.testing.assert_allclose(parts['face_all'][0, 17], (0, 0, 1), atol=1e-6)


def test_points_at_or_below_the_threshold_are_zero_and_do_not_widen_the_square():
    keypoints, scores = make_clip()
    expected = normalize_parts(keypoints, scores)['body'].copy()
    keypoints[0, 7], scores[0, 7] = (3.0, 3.0), 0.3
    keypoints[1, 92], scores[1, 92] = (0.9, 0.9), 0.29
    parts = normalize_parts(keypoints, scores)
    expected[0, 5] = 0
    np.testing.assert_array_equal(parts['body'], expected)
    assert not parts['left'][1, 1].any()


def test_an_unseen_origin_still_is_the_origin():
    keypoints, scores = make_clip()
    keypoints[0, 91], scores[0, 91] = (0.7, 0.5), 0.1
    left = normalize_parts(keypoints, scores)['left']
    assert not left[0, 0].any()
    np.testing.assert_allclose(left[0, 1], (-0.5, 0, 1), atol=1e-6)  # 0.5 - 0.7, over 0.4


@pytest.mark.parametrize('seen', [3, 4])
def test_fewer_than_four_body_points_in_the_whole_clip_give_zeros(seen):
    keypoints, scores = make_clip(frames=2)
    scores[:, list(PARTS['body'].indices)] = 0
    scores[0, [0, 5]] = 1
    scores[1, [0, 6] if seen == 4 else [0]] = 1
    parts = normalize_parts(keypoints, scores)
    assert all(part.any() == (seen == 4) for part in parts.values())


def test_no_extent_gives_zeros():
    keypoints, scores = make_clip()
    keypoints[:, :17] = 0.5
    assert not any(part.any() for part in normalize_parts(keypoints, scores).values())


def test_the_input_stays_as_it_is_and_may_be_float64():
    keypoints, scores = make_clip()
    copies = keypoints.copy(), scores.copy()
    parts = normalize_parts(keypoints, scores)
    np.testing.assert_array_equal(keypoints, copies[0])
    np.testing.assert_array_equal(scores, copies[1])
    double = normalize_parts(keypoints.astype(np.float64), scores.astype(np.float64))
    np.testing.assert_array_equal(double['body'], parts['body'])


def test_the_transform_is_the_function():
    keypoints, scores = make_clip()
    results = TRANSFORMS.build({'type': 'NormalizeParts'})({'poses': Poses(keypoints, scores)})
    np.testing.assert_array_equal(results['parts']['left'], normalize_parts(keypoints, scores)['left'])


def test_golden_parts_of_three_clips(shared):
    golden = np.load(shared / 'golden' / 'model_pose.npz')
    for i, length in enumerate(golden['lens']):
        parts = normalize_parts(golden[f'raw_kp_{i}'][:, 0], golden[f'raw_sc_{i}'][:, 0])
        repeated = np.minimum(np.arange(52), length - 1)  # golden batches repeat the last frame
        for name, part in parts.items():
            np.testing.assert_allclose(part[repeated], golden[f'part_{name}'][i], rtol=0, atol=1e-5)


EDGES = ('beyond', 'wide_hand', 'no_body', 'lost_hands', 'two_persons', 'no_extent')


@pytest.mark.parametrize('case', EDGES)
def test_golden_awkward_clips_through_the_reader(shared, tmp_path, case):
    golden = np.load(shared / 'golden' / 'parts_edge.npz')
    assert {key.removesuffix('_kp') for key in golden.files if key.endswith('_kp')} == set(EDGES)
    path = tmp_path / 'clip.pkl'
    path.write_bytes(pickle.dumps({'keypoints': list(golden[f'{case}_kp']), 'scores': list(golden[f'{case}_sc'])}))
    poses = read_published_pickle(path)
    parts = normalize_parts(poses.keypoints, poses.scores)
    for name, part in parts.items():
        np.testing.assert_allclose(part, golden[f'{case}_{name}'], rtol=0, atol=1e-5)


def test_a_loop_over_the_frames_gives_the_same(repo):
    loop = runpy.run_path(str(repo / 'tools' / 'benchmarks' / 'baseline' / 'normalize_parts.py'))
    rng = np.random.default_rng(0)
    keypoints, scores = rng.random((20, 133, 2), np.float32), rng.random((20, 133), np.float32)
    expected = loop['normalize_parts_per_frame'](keypoints, scores)
    for name, part in normalize_parts(keypoints, scores).items():
        np.testing.assert_allclose(part, expected[name], atol=1e-6)


@pytest.mark.slow
def test_the_benchmark_beats_the_loop(repo):
    # Half of the tenfold asked for: other tests share the core.
    script = repo / 'tools' / 'benchmarks' / 'bench_normalize_parts.py'
    command = [sys.executable, script, '--rounds', '21', '--at-least', '5']
    done = subprocess.run(command, cwd=repo, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert 'ratio' in done.stdout

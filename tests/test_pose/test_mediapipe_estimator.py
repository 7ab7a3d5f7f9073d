import importlib.util
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from unisign.pose import build_estimator
from unisign.pose.mediapipe_people import best_boxes, windows
from unisign.registry import POSE_ESTIMATORS
from unisign.structures import KEYPOINT_MIRROR, ClipError
from unisign.structures.mediapipe_layout import FACE

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


def test_unknown_argument():
    with pytest.raises(ValueError, match="takes no 'second_serach'; did you mean 'second_search'"):
        build_estimator(dict(type='MediaPipeEstimator', second_serach=True))
    with pytest.raises(ValueError, match=r"takes no 'gpu'; it takes second_search, hand_threshold, .*chunk\."):
        build_estimator(dict(type='MediaPipeEstimator', gpu=True))


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


@needs_mediapipe
def test_vertices_of_the_face_belong_to_the_parts_that_mediapipe_names():
    from mediapipe.python.solutions import face_mesh_connections as mesh

    parts = {
        'FACE_OVAL': range(17),
        'RIGHT_EYEBROW': range(17, 22),
        'LEFT_EYEBROW': range(22, 27),
        'NOSE': range(27, 36),
        'RIGHT_EYE': range(36, 42),
        'LEFT_EYE': range(42, 48),
        'LIPS': range(48, 68),
    }
    for name, points in parts.items():
        vertices = {vertex for edge in getattr(mesh, f'FACEMESH_{name}') for vertex in edge}
        assert {FACE[i] for i in points} <= vertices, name


@pytest.fixture(scope='module')
def face():
    """The 68 points of the face of Grace Hopper, whose picture matplotlib brings, float [68, 2] in pixels."""
    package = importlib.util.find_spec('matplotlib')
    picture = Path(package.origin).parent / 'mpl-data/sample_data/grace_hopper.jpg' if package else Path('none')
    if not picture.is_file():
        pytest.skip('matplotlib brings no picture of a face')
    image = np.array(Image.open(picture).convert('RGB'))
    poses = build_estimator('mediapipe')([image])
    assert (poses.scores[0, 23:91] == 1).all()
    return poses.keypoints[0, 23:91] * image.shape[1::-1]


@needs_mediapipe
def test_points_of_a_real_face_lie_where_the_layout_says(face):
    """She looks into the camera: her right is on the left of the picture, and y grows downwards."""
    x, y = face.T

    def ascending(values, points):
        return all(values[i] < values[j] for i, j in pairwise(points))

    assert ascending(x, range(17)) and ascending(y, range(9)) and ascending(-y, range(8, 17))  # jaw, chin lowest
    assert ascending(x, range(17, 27))  # brows
    for brow, eye, corners in (([17, 21], range(36, 42), (36, 39)), ([22, 26], range(42, 48), (42, 45))):
        assert y[slice(brow[0], brow[1] + 1)].max() < y[eye].min()
        assert x[list(eye)].argmin() == 0 and x[list(eye)].argmax() == corners[1] - corners[0]
        upper, lower = [eye[1], eye[2]], [eye[5], eye[4]]
        assert (y[upper] < y[lower]).all() and ascending(x, upper) and ascending(x, lower)
    assert ascending(y, range(27, 31)) and ascending(x, range(31, 36)) and y[31:36].min() > y[30]  # nose
    assert y[36:48].max() < y[30] < y[48:].min() and y[48:].max() < y[8]  # eyes, nose, mouth, chin
    outer, inner = range(48, 55), range(60, 65)
    assert ascending(x, outer) and ascending(x, [48, 59, 58, 57, 56, 55, 54])
    assert ascending(x, inner) and ascending(x, [60, 67, 66, 65, 64]) and x[48] < x[60] and x[64] < x[54]
    assert ascending(y, [51, 62, 66, 57])


@needs_mediapipe
def test_left_and_right_of_a_real_face(face):
    middle = face[27, 0]
    for point in range(23, 91):
        other = KEYPOINT_MIRROR[point]
        if other != point:
            offsets = face[[point - 23, other - 23], 0] - middle
            assert offsets.prod() < 0 and abs(offsets.sum()) < 0.35 * np.abs(offsets).max() + 8, point

import pickle

import numpy as np
import pytest

from unisign.stores import read_published_pickle
from unisign.structures import ClipError


def content(frames=5, persons=1, **more):
    rng = np.random.default_rng(0)
    return {
        'keypoints': [rng.random((persons, 133, 2)) for _ in range(frames)],
        'scores': [rng.random((persons, 133), dtype=np.float32) for _ in range(frames)],
        **more,
    }


@pytest.fixture
def read(tmp_path):
    def write_and_read(value):
        path = tmp_path / 'clip.pkl'
        path.write_bytes(pickle.dumps(value))
        return read_published_pickle(path)

    return write_and_read


def test_person_0_of_every_frame(read):
    value = content(persons=2)
    value['keypoints'][3] = value['keypoints'][3][:1]  # the second person left
    value['scores'][3] = value['scores'][3][:1]
    poses = read(value)
    assert poses.keypoints.dtype == poses.scores.dtype == np.float32
    np.testing.assert_array_equal(poses.keypoints, [entry[0].astype(np.float32) for entry in value['keypoints']])
    np.testing.assert_array_equal(poses.scores, [entry[0] for entry in value['scores']])
    assert poses.frame_ids is None
    assert poses.frame_size is None


@pytest.mark.parametrize(
    'change',
    [
        lambda entries: [entry.tolist() for entry in entries],  # nested lists
        np.stack,  # one array
        lambda entries: [entry[0] for entry in entries],  # no person axis
        lambda entries: [entry[0].tolist() for entry in entries],
    ],
)
def test_other_forms_of_the_same_clip(read, change):
    expected, value = read(content()), content()
    poses = read({key: change(entries) for key, entries in value.items()})
    np.testing.assert_array_equal(poses.keypoints, expected.keypoints)
    np.testing.assert_array_equal(poses.scores, expected.scores)


def test_start_and_end_select_frames_and_say_which(read):
    whole, part = read(content(8)), read(content(8, start=2, end=6, w_h=[204, 170]))
    np.testing.assert_array_equal(part.keypoints, whole.keypoints[2:6])
    assert part.frame_ids.tolist() == [2, 3, 4, 5]
    assert part.frame_size == (204, 170)


@pytest.mark.parametrize(
    ('value', 'message'),
    [
        ([1, 2], 'the pickle holds a list'),
        ({'keypoints': []}, r"has no scores; found \['keypoints'\]"),
        ({'pose': 1}, r"has no keypoints and no scores; found \['pose'\]"),
        (content(0), 'keypoints: the clip has no frames'),
        ({**content(), 'keypoints': 3}, 'keypoints: expected a list of T frames, got int'),
        ({**content(), 'keypoints': np.float64(3)}, 'expected a list of T frames, got float64'),
        (
            {**content(), 'keypoints': [np.zeros((1, 17, 2))] * 5},
            r'keypoints, frame 0: expected .*133, 2.*\[1, 17, 2\]',
        ),
        ({**content(), 'keypoints': [np.zeros((0, 133, 2))] * 5}, r'frame 0: .*got \[0, 133, 2\]'),
        ({**content(), 'scores': [[]] * 5}, r'scores, frame 0: .*got \[0\]'),
        ({**content(), 'scores': [['high'] * 133] * 5}, 'scores: not every value is a number'),
        ({**content(), 'scores': [[[0.5] * 132 + [[0.5]]]] * 5}, 'scores: not every value is a number'),
        ({**content(), 'scores': content(4)['scores']}, r'got \[5, 133, 2\] and \[4, 133\]'),
        (content(start=3, end=9), 'start 3 and end 9 do not fit its 5 frames'),
        (content(start=3, end=3), 'start 3 and end 3 do not fit'),
        (content(start='a'), "start 'a' and end None do not fit"),
        (content(w_h=[0, 170]), r'w_h should be the width and height in pixels, got \[0, 170\]'),
        (content(w_h='big'), "w_h should be the width and height in pixels, got 'big'"),
    ],
)
def test_wrong_contents_are_named(read, value, message):
    with pytest.raises(ClipError, match=rf'clip\.pkl.*{message}'):
        read(value)


def test_nan_and_pixels_are_refused(read):
    value = content()
    value['keypoints'][2][0, 7] = np.nan
    with pytest.raises(
        ClipError, match=r'clip\.pkl: keypoints hold NaN or infinity in 1 of 5 frames \(first: frame 2\)'
    ):
        read(value)
    value = content()
    value['keypoints'] = [entry * [1280, 720] for entry in value['keypoints']]
    with pytest.raises(ClipError, match=r'look like pixel coordinates.*Divide x by the frame width'):
        read(value)


def test_few_lists_nested_into_very_many_numbers_are_not_built(read):
    bomb = [0.5] * 133
    for _ in range(12):
        bomb = [bomb] * 133  # 133 ** 13 numbers in a few kilobytes
    with pytest.raises(ClipError, match='frame 0: expected'):
        read({**content(), 'scores': [bomb] * 5})


def test_a_real_published_clip(shared):
    (path,) = (shared / 'data' / 'csl_news').glob('*.pkl')
    poses = read_published_pickle(path)
    assert poses.keypoints.shape == (87, 133, 2)
    assert poses.frame_size == (204, 170)
    assert poses.keypoints[..., 1].max() > 1.2
    assert poses.scores.max() > 1

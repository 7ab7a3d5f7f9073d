import zipfile

import numpy as np
import pytest

from unisign.stores import read_npz, write_npz
from unisign.stores.npz import npz_num_frames
from unisign.structures import ClipError, Poses


def make_poses(frames=4):
    rng = np.random.default_rng(0)
    return Poses(rng.random((frames, 133, 2), np.float32), rng.random((frames, 133), np.float32))


def test_round_trip_with_and_without_what_is_optional(tmp_path):
    path = tmp_path / 'clip.npz'
    plain = make_poses()
    write_npz(path, plain)
    loaded = read_npz(path)
    np.testing.assert_array_equal(loaded.keypoints, plain.keypoints)
    assert (loaded.frame_size, loaded.frame_rate, loaded.frame_ids) == (None, None, None)

    write_npz(path, Poses(plain.keypoints, plain.scores, (640, 480), 29.97, np.array([3, 4, 6, 9])))
    loaded = read_npz(path)
    np.testing.assert_array_equal(loaded.scores, plain.scores)
    assert (loaded.frame_size, loaded.frame_rate, loaded.frame_ids.tolist()) == ((640, 480), 29.97, [3, 4, 6, 9])
    assert npz_num_frames(path) == 4


@pytest.mark.parametrize(
    ('arrays', 'message'),
    [
        ({'keypoints': np.zeros((4, 133, 2))}, r"no array scores; found \['keypoints'\]"),
        ({'keypoints': np.zeros((4, 133, 2)), 'scores': np.array([{}])}, 'Object arrays cannot be loaded'),
        ({'keypoints': np.zeros((4, 133, 2)), 'scores': np.full((4, 133), 'x')}, 'cannot be read as numbers'),
        (
            {'keypoints': np.zeros((4, 1, 133, 2)), 'scores': np.zeros((4, 1, 133))},
            r'person axis.*Save keypoints\[:, 0\]',
        ),
        ({'keypoints': np.zeros((4, 133, 3)), 'scores': np.zeros((4, 133))}, r'got \[4, 133, 3\]'),
        ({'keypoints': np.full((4, 133, 2), np.nan), 'scores': np.zeros((4, 133))}, 'NaN or infinity in 4 of 4'),
        ({'keypoints': np.full((4, 133, 2), 300.0), 'scores': np.ones((4, 133))}, 'pixel coordinates'),
    ],
)
def test_wrong_contents_are_named(tmp_path, arrays, message):
    path = tmp_path / 'clip.npz'
    np.savez(path, **arrays)
    with pytest.raises(ClipError, match=rf'clip\.npz: .*{message}'):
        read_npz(path)


@pytest.mark.parametrize(
    ('more', 'message'),
    [
        ({'frame_size': np.array([640])}, r'frame_size has shape \[1\], not \[2\]'),
        ({'frame_size': np.array([640, 0])}, r'frame_size should be width and height in pixels, got \(640, 0\)'),
        ({'frame_rate': np.array(0.0)}, 'frame_rate should be frames per second, got 0.0'),
        ({'frame_ids': np.array([0, 1])}, r'frame_ids has shape \[2\] for 4 frames'),
    ],
)
def test_impossible_side_information_is_named(tmp_path, more, message):
    path, poses = tmp_path / 'clip.npz', make_poses()
    np.savez(path, keypoints=poses.keypoints, scores=poses.scores, **more)
    with pytest.raises(ClipError, match=message):
        read_npz(path)


def test_truncated_missing_and_other_files(tmp_path):
    path = tmp_path / 'clip.npz'
    write_npz(path, make_poses())
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ClipError, match=r'not a readable \.npz of plain arrays .*truncated'):
        read_npz(path)
    with pytest.raises(ClipError, match=r'not a readable \.npz'):
        npz_num_frames(path)
    np.save(tmp_path / 'single.npy', np.zeros(3))
    with pytest.raises(ClipError, match='single array'):
        read_npz((tmp_path / 'single.npy').rename(tmp_path / 'single.npz'))
    with pytest.raises(ClipError, match=r'none\.npz: there is no such file'):
        read_npz(tmp_path / 'none.npz')


def test_a_flipped_byte_is_noticed(tmp_path):
    path = tmp_path / 'clip.npz'
    write_npz(path, make_poses())
    with zipfile.ZipFile(path) as archive:
        offset = archive.getinfo('keypoints.npy').header_offset
    data = bytearray(path.read_bytes())
    data[offset + 2000] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(ClipError, match='Bad CRC-32'):
        read_npz(path)

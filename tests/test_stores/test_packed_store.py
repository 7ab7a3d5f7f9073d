import multiprocessing
import os
import pickle

import numpy as np
import pytest

from unisign.stores import USED_POINTS, PackedPoseStore, PackedPoseWriter
from unisign.stores.packed_format import decode_clip, encode_clip
from unisign.structures import PARTS, ClipError, DataError, Poses


def make_poses(frames=6, seed=0, **more):
    rng = np.random.default_rng(seed)
    return Poses(rng.random((frames, 133, 2), np.float32), rng.random((frames, 133), np.float32), **more)


@pytest.fixture
def store_path(tmp_path):
    path = tmp_path / 'poses.lmdb'
    with PackedPoseWriter(path) as writer:
        for i in range(5):
            writer.write(f'clip_{i}', make_poses(frames=3 + i, seed=i))
    return path


def test_float32_comes_back_to_the_bit_with_its_side_information():
    poses = make_poses(frame_size=(640, 480), frame_rate=29.97, frame_ids=np.array([0, 2, 3, 7, 8, 70000]))
    loaded = decode_clip(encode_clip(poses), 'x')
    np.testing.assert_array_equal(loaded.keypoints, poses.keypoints)
    np.testing.assert_array_equal(loaded.scores, poses.scores)
    assert (loaded.frame_size, loaded.frame_rate) == ((640, 480), 29.97)
    assert loaded.frame_ids.tolist() == [0, 2, 3, 7, 8, 70000]
    plain = decode_clip(encode_clip(make_poses()), 'x')
    assert (plain.frame_size, plain.frame_rate, plain.frame_ids) == (None, None, None)


def test_float16_stays_within_its_promise():
    poses = make_poses(frames=50)
    loaded = decode_clip(encode_clip(poses, 'float16'), 'x')
    assert np.abs(loaded.keypoints - poses.keypoints).max() <= 1 / 4096
    assert loaded.keypoints.dtype == np.float32


def test_float16_never_moves_a_score_over_the_threshold():
    scores = np.float32(0.3) + np.linspace(-0.001, 0.001, 133, dtype=np.float32)
    scores[60:70] = 0.3
    poses = Poses(np.zeros((1, 133, 2), np.float32), scores[None])
    loaded = decode_clip(encode_clip(poses, 'float16'), 'x')
    np.testing.assert_array_equal(loaded.scores > np.float32(0.3), poses.scores > np.float32(0.3))
    assert np.abs(loaded.scores - poses.scores).max() < 0.0005


def test_a_subset_of_points_comes_back_as_133_with_the_others_missing():
    poses = make_poses()
    loaded = decode_clip(encode_clip(poses, points=USED_POINTS), 'x')
    others = sorted(set(range(133)) - set(USED_POINTS))
    assert len(USED_POINTS) == 69
    for part in PARTS.values():
        indices = list(part.indices)
        np.testing.assert_array_equal(loaded.keypoints[:, indices], poses.keypoints[:, indices])
        np.testing.assert_array_equal(loaded.scores[:, indices], poses.scores[:, indices])
    assert not loaded.keypoints[:, others].any()
    assert not loaded.scores[:, others].any()


def test_every_flipped_byte_and_every_cut_is_noticed():
    value = encode_clip(make_poses(frames=1), points=(0, 5, 6))
    for position in range(len(value)):
        damaged = bytearray(value)
        damaged[position] ^= 0x10
        with pytest.raises(ClipError, match=r'damaged|no packed clip'):
            decode_clip(bytes(damaged), 'clip')
    for length in range(len(value)):
        with pytest.raises(ClipError, match=r'damaged|no packed clip'):
            decode_clip(value[:length], 'clip')


def test_reading_by_key(store_path):
    store = PackedPoseStore(store_path)
    assert len(store) == 5
    assert list(store.keys()) == [f'clip_{i}' for i in range(5)]
    assert 'clip_4' in store
    assert 'clip_5' not in store
    assert store.num_frames('clip_2') == 5
    assert store.known_lengths(['clip_3', 'none', 'clip_0']).tolist() == [6, 0, 3]
    np.testing.assert_array_equal(store.read('clip_3').keypoints, make_poses(6, seed=3).keypoints)


@pytest.mark.parametrize('key', ['clip_9', '', 'x' * 600])
def test_a_missing_key_is_a_clip_error_with_an_example(store_path, key):
    store = PackedPoseStore(store_path)
    with pytest.raises(ClipError, match=r"no clip of this key\. It holds 5 clips, such as 'clip_0'"):
        store.read(key)
    with pytest.raises(ClipError, match='no clip of this key'):
        store.num_frames(key)


def test_a_damaged_clip_is_named_and_the_others_stay_readable(store_path):
    needle = make_poses(4, seed=1).keypoints.tobytes()[:64]
    data = bytearray(store_path.read_bytes())
    data[data.index(needle)] ^= 0xFF
    store_path.write_bytes(data)
    store = PackedPoseStore(store_path)
    with pytest.raises(ClipError, match=r'poses\.lmdb#clip_1: the packed clip is damaged: its checksum differs'):
        store.read('clip_1')
    assert len(store.read('clip_2')) == 5


def test_missing_truncated_and_other_files(tmp_path, store_path):
    with pytest.raises(DataError, match=r'none\.lmdb: there is no such packed pose store.*pack_poses\.py'):
        PackedPoseStore(tmp_path / 'none.lmdb').read('clip_0')
    cut = tmp_path / 'cut.lmdb'
    cut.write_bytes(store_path.read_bytes()[:-4096])
    with pytest.raises(DataError, match=r'cut\.lmdb: the packed pose store is truncated'):
        PackedPoseStore(cut).read('clip_0')
    other = tmp_path / 'other.lmdb'
    other.write_bytes(b'no store' * 2000)
    with pytest.raises(DataError, match=r'other\.lmdb: this is no readable packed pose store'):
        PackedPoseStore(other).read('clip_0')


def test_many_stores_of_one_file_share_it(store_path):
    stores = [PackedPoseStore(store_path) for _ in range(3)]
    assert [len(store.read('clip_1')) for store in stores] == [4, 4, 4]
    linked = store_path.with_name('linked.lmdb')
    linked.symlink_to(store_path)
    assert len(PackedPoseStore(linked).read('clip_1')) == 4


def test_a_replaced_file_is_read_anew(store_path):
    old = PackedPoseStore(store_path)
    assert len(old.read('clip_0')) == 3
    with PackedPoseWriter(store_path) as writer:
        writer.write('clip_0', make_poses(9))
    assert len(PackedPoseStore(store_path).read('clip_0')) == 9
    assert len(old.read('clip_0')) == 3  # who holds the old file keeps it


def _read_in_child(store, queue):
    queue.put((os.getpid(), len(store.read('clip_2')), store.read('clip_3').keypoints.sum()))


@pytest.mark.parametrize('method', ['fork', pytest.param('spawn', marks=pytest.mark.slow)])
def test_the_store_goes_to_other_processes(store_path, method):
    store = PackedPoseStore(store_path)
    expected = store.read('clip_3').keypoints.sum()  # open before the fork
    context = multiprocessing.get_context(method)
    queue = context.Queue()
    processes = [context.Process(target=_read_in_child, args=(store, queue)) for _ in range(2)]
    for process in processes:
        process.start()
    results = [queue.get(timeout=60) for _ in processes]
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert all(pid != os.getpid() and frames == 5 and total == expected for pid, frames, total in results)
    assert store.read('clip_3').keypoints.sum() == expected  # the children closed their copies, not ours


def test_pickling_leaves_the_open_file_behind(store_path):
    store = PackedPoseStore(store_path)
    store.read('clip_0')
    data = pickle.dumps(store)
    assert len(data) < 1000
    assert len(pickle.loads(data).read('clip_0')) == 3


def test_writing_is_all_or_nothing(store_path):
    before = store_path.read_bytes()
    with pytest.raises(KeyboardInterrupt), PackedPoseWriter(store_path) as writer:
        writer.write('new', make_poses())
        raise KeyboardInterrupt
    assert store_path.read_bytes() == before
    assert [path.name for path in store_path.parent.iterdir()] == ['poses.lmdb']


def test_the_map_grows_with_the_data(tmp_path, monkeypatch):
    import unisign.stores.packed_writer as packed_writer

    monkeypatch.setattr(packed_writer, '_FIRST_MAP_SIZE', 64 * 1024)
    monkeypatch.setattr(packed_writer, '_BYTES_A_TRANSACTION', 100_000)
    with PackedPoseWriter(tmp_path / 'big.lmdb') as writer:
        for i in range(30):
            writer.write(f'clip_{i}', make_poses(20, seed=i))
    store = PackedPoseStore(tmp_path / 'big.lmdb')
    assert len(store) == 30
    for i in range(30):
        np.testing.assert_array_equal(store.read(f'clip_{i}').scores, make_poses(20, seed=i).scores)


def test_an_empty_store_is_a_store(tmp_path):
    with PackedPoseWriter(tmp_path / 'empty.lmdb'):
        pass
    store = PackedPoseStore(tmp_path / 'empty.lmdb')
    assert list(store.keys()) == []
    with pytest.raises(ClipError, match='It holds 0 clips'):
        store.read('x')


def test_what_the_writer_refuses(tmp_path):
    path = tmp_path / 'x.lmdb'
    with pytest.raises(ValueError, match="got 'int8'"):
        PackedPoseWriter(path, dtype='int8')
    with pytest.raises(ValueError, match=r'got \[3, 3\]'):
        PackedPoseWriter(path, points=(3, 3))
    with pytest.raises(ValueError, match=r'got \[133\]'):
        PackedPoseWriter(path, points=(133,))
    with pytest.raises(RuntimeError, match='with PackedPoseWriter'):
        PackedPoseWriter(path).write('clip', make_poses())
    bad = make_poses()
    bad.scores[2, 2] = np.nan
    with PackedPoseWriter(path) as writer:
        writer.write('clip', make_poses())
        with pytest.raises(DataError, match="key 'clip' was written already"):
            writer.write('clip', make_poses())
        for key in ('', 'a\nb', 'x' * 512, '手' * 200):
            with pytest.raises(DataError, match='cannot be used'):
                writer.write(key, make_poses())
        with pytest.raises(ClipError, match=r'x\.lmdb#nan: scores hold NaN'):
            writer.write('nan', bad)
    assert list(PackedPoseStore(path).keys()) == ['clip']

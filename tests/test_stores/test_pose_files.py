import pickle

import numpy as np
import pytest

from unisign.registry import POSE_STORES
from unisign.stores import PackedPoseWriter, PoseFiles, write_npz
from unisign.structures import ClipError, DataError, Poses


@pytest.fixture
def folder(tmp_path):
    poses = Poses(np.full((4, 133, 2), 0.5, np.float32), np.ones((4, 133), np.float32))
    (tmp_path / 'sub').mkdir()
    content = {'keypoints': list(poses.keypoints[:, None]), 'scores': list(poses.scores[:, None])}
    (tmp_path / 'a.pkl').write_bytes(pickle.dumps(content))
    write_npz(tmp_path / 'sub' / 'b.npz', poses)
    with PackedPoseWriter(tmp_path / 'c.lmdb') as writer:
        writer.write('x#1', poses.select(np.arange(3)))
    return tmp_path


KEYS = {'a.pkl': 4, 'sub/b.npz': 4, 'c.lmdb#x#1': 3}


def test_each_kind_below_the_root(folder):
    store = POSE_STORES.build({'type': 'PoseFiles', 'root': str(folder)})
    for key, frames in KEYS.items():
        assert len(store.read(key)) == store.num_frames(key) == frames
        assert key in store
    assert sorted(store.keys()) == sorted(KEYS)
    assert 'none.pkl' not in store
    assert 'c.lmdb#y' not in store
    assert 'none.lmdb#y' not in store


def test_lengths_come_from_headers_only(folder, monkeypatch):
    monkeypatch.setattr(PoseFiles, 'read', lambda *_: pytest.fail('a clip was read for its length'))
    lengths = PoseFiles(folder).known_lengths(['a.pkl', 'sub/b.npz', 'c.lmdb#x#1', 'c.lmdb#none', 'none.npz'])
    assert lengths.tolist() == [0, 4, 3, 0, 0]


def test_what_cannot_be_read(folder):
    store = PoseFiles(folder)
    with pytest.raises(
        ClipError, match=r"clip\.json: unknown kind of pose file '\.json'.*\.pkl, \.npz, \.pose or STORE\.lmdb#KEY"
    ):
        store.read('clip.json')
    with pytest.raises(ClipError, match=r"unknown kind of pose file '\.lmdb'"):
        store.read('c.lmdb')
    with pytest.raises(ClipError, match=r'none\.pkl: the file cannot be read'):
        store.read('none.pkl')
    with pytest.raises(DataError, match='no such packed pose store'):
        store.known_lengths(['none.lmdb#x'])

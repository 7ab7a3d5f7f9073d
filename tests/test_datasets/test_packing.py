import json
from dataclasses import replace

import numpy as np
import pytest

from unisign.datasets import Annotation, AnnotationFile, SignDataset, write_annotations
from unisign.datasets.packing import pack_poses
from unisign.stores import PackedPoseStore, write_npz
from unisign.structures import DataError


@pytest.fixture
def files(tmp_path, random_poses):
    """Two annotation files over .npz clips; one clip is in both, one is cut out of a longer file."""
    folder = tmp_path / 'annotations'
    folder.mkdir()
    for i in range(5):
        write_npz(tmp_path / f'c{i}.npz', random_poses(4 + i, seed=i))
    rows = [Annotation(f'c{i}', poses=f'../c{i}.npz', video=f'../v{i}.mp4', text='x', lang='en') for i in range(5)]
    rows[1] = replace(rows[1], start=1, end=4)
    write_annotations(folder / 'train.jsonl', rows[:4])
    write_annotations(folder / 'dev.jsonl', rows[3:])
    return [folder / 'train.jsonl', folder / 'dev.jsonl']


@pytest.mark.parametrize('workers', [0, 2])
def test_packed_clips_read_like_the_originals(files, tmp_path, workers):
    report = pack_poses(files, tmp_path / 'packed' / 'p.lmdb', workers=workers, annotations_dir=tmp_path / 'new')
    assert (report.clips, report.frames, report.failed) == (5, 4 + 3 + 6 + 7 + 8, {})
    assert [path.name for path in report.annotations] == ['train.jsonl', 'dev.jsonl']
    store = PackedPoseStore(tmp_path / 'packed' / 'p.lmdb')
    assert list(store.keys()) == [f'c{i}' for i in range(5)]
    assert store.read('c1').frame_ids.tolist() == [1, 2, 3]
    for old, new in zip(files, report.annotations, strict=True):
        before, after = (SignDataset(str(path), 'slt', [{'type': 'LoadPoses'}]) for path in (old, new))
        assert before.lengths.tolist() == after.lengths.tolist()
        for i in range(len(before)):
            np.testing.assert_array_equal(before[i]['poses'].keypoints, after[i]['poses'].keypoints)
            np.testing.assert_array_equal(before[i]['poses'].scores, after[i]['poses'].scores)
            assert before[i]['video'] == after[i]['video']
    first = AnnotationFile(report.annotations[0])[1]
    assert (first.poses, first.start, first.end) == ('../packed/p.lmdb#c1', None, None)


def test_half_precision_and_used_points_give_the_same_parts_within_a_little(files, tmp_path):
    pipeline = [{'type': 'LoadPoses'}, {'type': 'NormalizeParts'}]
    before = SignDataset(str(files[0]), 'slt', pipeline)[0]['parts']
    report = pack_poses(files, tmp_path / 'p.lmdb', 'float16', used_points_only=True, annotations_dir=tmp_path / 'new')
    after = SignDataset(str(report.annotations[0]), 'slt', pipeline)[0]['parts']
    for name, part in before.items():
        np.testing.assert_allclose(after[name], part, atol=0.003)


def test_clips_that_fail_are_named_and_stay_in_sight(files, tmp_path):
    (tmp_path / 'c2.npz').write_bytes(b'damaged')
    out = tmp_path / 'p.lmdb'
    with pytest.raises(DataError, match=r'1 of 5 clips cannot be packed \(allowed: 1\.0%\); the first: c2: .*c2\.npz'):
        pack_poses(files, out)
    assert not out.exists()
    assert not list(tmp_path.glob('*.part'))
    report = pack_poses(files, out, annotations_dir=tmp_path / 'new', max_failed_share=0.2)
    assert list(report.failed) == ['c2']
    assert 'c2' not in PackedPoseStore(out)
    assert AnnotationFile(report.annotations[0])[2].poses == '../c2.npz'


def test_what_is_refused(files, tmp_path):
    with pytest.raises(DataError, match=r'Call it NAME\.lmdb'):
        pack_poses(files, tmp_path / 'poses')
    write_annotations(files[1], [Annotation('c0', poses='../c4.npz', text='x', lang='en')])
    with pytest.raises(DataError, match=r"dev\.jsonl: the id 'c0' stands for another clip in .*train\.jsonl"):
        pack_poses(files, tmp_path / 'p.lmdb')
    before = files[0].read_text()
    with pytest.raises(DataError, match='would replace the old ones'):
        pack_poses(files[:1], tmp_path / 'p.lmdb', annotations_dir=files[0].parent)
    assert files[0].read_text() == before


def test_the_command(files, tmp_path, run_tool, capsys):
    (tmp_path / 'c2.npz').unlink()
    store = str(tmp_path / 'p.lmdb')
    with pytest.raises(SystemExit, match=r'error: .*Nothing was written'):
        run_tool('data/pack_poses.py', *files, store, '--workers', 0)
    options = ['--points', 'used', '--dtype', 'float16', '--workers', 0, '--max-failed-share', 0.5]
    run_tool('data/pack_poses.py', *files, store, *options, '--annotations', tmp_path / 'new')
    printed = capsys.readouterr().out
    assert 'p.lmdb: 4 clips, 22 frames' in printed
    assert 'left out: c2: ' in printed
    assert json.loads((tmp_path / 'p.lmdb.failed.jsonl').read_text())['id'] == 'c2'
    assert (tmp_path / 'new' / 'train.jsonl').exists()

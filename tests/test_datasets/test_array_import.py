import numpy as np
import pytest

from unisign.datasets import AnnotationFile, SignDataset
from unisign.datasets.array_import import import_arrays
from unisign.stores import PackedPoseStore
from unisign.structures import DataError


def arrays(clips=4, frames=6, dtype=np.float32, **more):
    rng = np.random.default_rng(0)
    return {
        'keypoints': rng.random((clips, frames, 133, 2)).astype(dtype),
        'scores': rng.random((clips, frames, 133)).astype(dtype),
        'label': np.array(['go home', 'book', 'book', '早'][:clips]),
        **more,
    }


@pytest.fixture
def save(tmp_path):
    def save_arrays(**content):
        np.savez(tmp_path / 'words.npz', **content)
        return tmp_path / 'words.npz'

    return save_arrays


def test_annotations_store_and_labels(save, tmp_path):
    content = arrays(dtype=np.float16, signer=np.array([0, 0, 1, 1]), lengths=np.array([6, 2, 3, 6]))
    report = import_arrays(save(**content), tmp_path / 'out', frame_rate=25)
    assert (report.clips, report.frames, report.texts, report.signers, report.failed) == (4, 17, 3, 2, [])
    assert report.labels.read_text(encoding='utf-8') == 'book\ngo home\n早\n'
    file = AnnotationFile(report.annotations)
    assert (file[1].id, file[1].poses, file[1].text, file[1].signer) == (
        'words_000001', 'words.lmdb#words_000001', 'book', '0'
    )  # fmt: skip
    assert (file[0].gloss, file[0].lang) == (('go home',), 'en')
    poses = PackedPoseStore(report.store).read('words_000001')
    np.testing.assert_array_equal(poses.keypoints, content['keypoints'][1, :2].astype(np.float32))  # float16 is kept
    np.testing.assert_array_equal(poses.scores, content['scores'][1, :2].astype(np.float32))
    assert poses.frame_rate == 25
    dataset = SignDataset(str(report.annotations), 'islr', [{'type': 'LoadPoses'}])
    assert dataset.lengths.tolist() == [6, 2, 3, 6]
    assert len(dataset[2]['poses']) == 3


def test_ids_texts_and_frame_sizes_of_the_file(save, tmp_path):
    content = arrays(id=np.array(['a', 'b', 'c', 'd']), frame_size=np.array([640, 480]))
    content['text'] = content.pop('label')
    report = import_arrays(save(**content), tmp_path, task='cslr', lang='zh')
    file = AnnotationFile(report.annotations)
    assert (file[0].id, file[0].text, file[0].gloss, file[0].lang) == ('a', None, ('go', 'home'), 'zh')
    assert PackedPoseStore(report.store).read('d').frame_size == (640, 480)
    assert report.labels.read_text(encoding='utf-8') == 'book\ngo home\n早\n'
    report = import_arrays(save(**content), tmp_path, task='slt')
    assert (AnnotationFile(report.annotations)[0].text, AnnotationFile(report.annotations)[0].gloss) == ('go home', ())


def test_bad_clips_are_named_and_left_out_up_to_a_share(save, tmp_path):
    content = arrays()
    content['keypoints'][2, 3, 5] = np.nan
    path = save(**content)
    with pytest.raises(
        DataError, match=r'words\.npz: 1 of 4 clips are bad \(allowed: 1\.0%\).*clip 2: keypoints hold NaN'
    ):
        import_arrays(path, tmp_path / 'out')
    assert list((tmp_path / 'out').iterdir()) == []
    report = import_arrays(path, tmp_path / 'out', max_failed_share=0.25)
    assert report.clips == 3
    assert len(report.failed) == 1
    assert report.failed[0].startswith('clip 2: keypoints hold NaN or infinity in 1 of 6 frames')
    assert 'words_000002' not in PackedPoseStore(report.store)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda a: a.pop('scores'), r"no array scores; found \['keypoints', 'label'\]"),
        (lambda a: a.pop('label'), 'no array label; found'),
        (lambda a: a.update(keypoints=a['keypoints'][0]), r'keypoints has shape \[6, 133, 2\]'),
        (lambda a: a.update(scores=a['scores'][:, :3]), r'scores has shape \[4, 3, 133\]'),
        (lambda a: a.update(label=a['label'][:2]), r'label has shape \[2\]'),
        (lambda a: a.update(signer=np.array([1])), r'signer has shape \[1\]'),
        (lambda a: a.update(lengths=np.array([6, 7, 1, 1])), r'lengths should be 1\.\.6, got 1\.\.7'),
        (lambda a: a.update(lengths=np.array([0, 1, 1, 1])), r'lengths should be 1\.\.6, got 0\.\.1'),
        (lambda a: a.update(id=np.array(['a', 'b', 'b', 'c'])), 'id names a clip twice'),
        (lambda a: a.update(frame_size=np.array([640])), r'frame_size has shape \[1\]'),
        (lambda a: a.update(scores=a['scores'].astype(str)), 'scores holds <U'),
        (lambda a: a.update(label=np.array([{}] * 4)), 'not a readable .npz of plain arrays'),
        (lambda a: a.update(label=np.array(['a', ' ', 'b', 'c'])), 'clip 1: its label is empty'),
    ],
)
def test_wrong_files_are_named_and_nothing_is_written(save, tmp_path, change, message):
    content = arrays()
    change(content)
    with pytest.raises(DataError, match=message):
        import_arrays(save(**content), tmp_path / 'out')
    assert not (tmp_path / 'out').exists() or list((tmp_path / 'out').iterdir()) == []


def test_the_command(save, tmp_path, run_tool, capsys):
    run_tool('data/import_npz.py', save(**arrays()), tmp_path / 'out')
    assert '4 clips, 24 frames, 3 different labels, unknown signers' in capsys.readouterr().out
    names = ['words.jsonl', 'words.lmdb', 'words_labels.txt']
    assert sorted(path.name for path in (tmp_path / 'out').iterdir()) == names
    with pytest.raises(SystemExit, match=r'error: .*none\.npz: there is no such file'):
        run_tool('data/import_npz.py', tmp_path / 'none.npz', tmp_path / 'out')

import json
import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch

from unisign.datasets import Annotation, AnnotationFile, SignDataset, write_annotations
from unisign.datasets.sign_dataset import clip_rng
from unisign.registry import DATASETS
from unisign.stores import PackedPoseWriter, write_npz
from unisign.structures import ClipError, DataError


def rewrite(path, change):
    """Change every annotation of the file by ``change(annotation, index)``."""
    file = AnnotationFile(path)
    write_annotations(path, [change(file[i], i) for i in range(len(file))])


def test_a_sample_by_its_keys_shapes_and_meta(corpus, pipeline):
    dataset = DATASETS.build(
        {'type': 'SignDataset', 'ann_file': str(corpus), 'task': 'slt', 'pipeline': pipeline, 'name': 'toy'}
    )
    assert len(dataset) == 23
    index = int(np.flatnonzero(dataset.lengths == 7)[0])
    sample = dataset[index]
    shapes = {name: tuple(part.shape) for name, part in sample['inputs']['parts'].items()}
    assert shapes == {'body': (7, 9, 3), 'left': (7, 21, 3), 'right': (7, 21, 3), 'face_all': (7, 18, 3)}
    assert all(part.dtype == torch.float32 for part in sample['inputs']['parts'].values())
    data_sample = sample['data_samples']
    assert data_sample.gt_text == f'word {index}'
    assert data_sample.clip_id == f'clip_{index:02d}'
    assert (data_sample.task, data_sample.lang, data_sample.dataset, data_sample.num_frames) == ('slt', 'en', 'toy', 7)
    assert dataset.metainfo == {'dataset': 'toy', 'task': 'slt', 'ann_file': str(corpus)}
    assert dataset.max_failed_share == 0.01
    long = dataset[int(dataset.lengths.argmax())]
    assert long['data_samples'].num_frames == 12


@pytest.mark.parametrize(
    ('task', 'annotation', 'target'),
    [
        ('islr', {'text': 'book', 'gloss': ('BOOK',)}, 'book'),
        ('islr', {'gloss': ('BOOK',)}, 'BOOK'),
        ('cslr', {'text': 'a sentence', 'gloss': ('I', 'GO', 'HOME')}, 'I GO HOME'),
        ('slt', {'text': 'a sentence', 'gloss': ('I',)}, 'a sentence'),
    ],
)
def test_targets_of_the_tasks(tmp_path, task, annotation, target):
    write_annotations(tmp_path / 'a.jsonl', [Annotation('c', poses='c.npz', lang='en', **annotation)])
    results = SignDataset(str(tmp_path / 'a.jsonl'), task, []).describe(0)
    assert results['text'] == target
    assert results['gloss'] == list(annotation['gloss'])


@pytest.mark.parametrize(
    ('task', 'annotation', 'message'),
    [
        ('cslr', {'text': 'a'}, '"gloss", which is what cslr learns'),
        ('slt', {'gloss': ('A',)}, '"text", which is what slt learns'),
        ('islr', {'gloss': ('A', 'B')}, '"text", which is what islr learns'),
    ],
)
def test_a_missing_target_is_an_error_in_training_and_empty_in_testing(tmp_path, task, annotation, message):
    path = str(tmp_path / 'a.jsonl')
    write_annotations(path, [Annotation('c', poses='c.npz', lang='en', **annotation)])
    with pytest.raises(DataError, match=rf"a\.jsonl, line 1: 'c' has no {message}"):
        SignDataset(path, task, [])
    assert SignDataset(path, task, [], test_mode=True).describe(0)['text'] == ''


def test_language_of_the_annotation_of_the_dataset_or_an_error(tmp_path):
    path = str(tmp_path / 'a.jsonl')
    annotations = [Annotation('a', poses='a', text='x', lang='zh'), Annotation('b', poses='b', text='x')]
    write_annotations(path, annotations)
    dataset = SignDataset(path, 'slt', [], lang='en')
    assert [dataset.describe(i)['lang'] for i in range(2)] == ['zh', 'en']
    with pytest.raises(DataError, match=r"line 2: 'b' has no \"lang\".*SignDataset\(lang=\.\.\)"):
        SignDataset(path, 'slt', [])


def test_paths_beside_the_annotations_come_before_the_data_root(tmp_path, random_poses):
    beside, root = tmp_path / 'annotations', tmp_path / 'root'
    for folder in (beside, root):
        folder.mkdir()
    write_npz(beside / 'both.npz', random_poses(2))
    write_npz(root / 'both.npz', random_poses(3))
    write_npz(root / 'root_only.npz', random_poses(4))
    write_npz(tmp_path / 'up.npz', random_poses(5))
    with PackedPoseWriter(root / 'p.lmdb') as writer:
        writer.write('k', random_poses(6))
    poses = ['both.npz', 'root_only.npz', '../up.npz', str(tmp_path / 'up.npz'), 'p.lmdb#k', 'nowhere.npz']
    write_annotations(
        beside / 'a.jsonl',
        [Annotation(str(i), poses=name, video='v.mp4', text='x', lang='en') for i, name in enumerate(poses)],
    )
    dataset = SignDataset(str(beside / 'a.jsonl'), 'slt', [{'type': 'LoadPoses'}], data_root=str(root))
    assert dataset.lengths.tolist() == [2, 4, 5, 5, 6, 0]
    assert [len(dataset[i]['poses']) for i in range(5)] == [2, 4, 5, 5, 6]
    assert dataset.describe(0)['video'] == str(beside / 'v.mp4')
    assert str(beside / 'nowhere.npz') in dataset[5]['data_samples'].failure
    assert SignDataset('a.jsonl', 'slt', [], data_root=str(beside)).ann_file == beside / 'a.jsonl'


def test_missing_files_and_wrong_arguments(tmp_path, corpus):
    with pytest.raises(
        DataError, match=r'none\.jsonl: no such annotation file; looked for .*/none\.jsonl and .*x/none'
    ):
        SignDataset('none.jsonl', 'slt', [], data_root='x')
    with pytest.raises(ValueError, match=r"task should be one of .*got 'translate'"):
        SignDataset(str(corpus), 'translate', [])
    rewrite(corpus, lambda annotation, i: replace(annotation, poses='gone.lmdb#x'))
    with pytest.raises(DataError, match=r'gone\.lmdb: there is no such packed pose store'):
        _ = SignDataset(str(corpus), 'slt', []).lengths


def test_start_and_end_select_frames(corpus, pipeline):
    whole = SignDataset(str(corpus), 'slt', pipeline[:1])
    lengths = whole.lengths.copy()
    full = [whole[i]['poses'] for i in range(3)]

    def cut(annotation, i):
        return replace(annotation, **[{'start': 1}, {'end': 2}, {'start': 1, 'end': 3}, {'start': 2, 'end': 99}][i % 4])

    rewrite(corpus, cut)
    dataset = SignDataset(str(corpus), 'slt', pipeline[:1])
    assert dataset.lengths[:3].tolist() == [lengths[0] - 1, 2, 2]
    for i, frames in enumerate((range(1, lengths[0]), range(2), range(1, 3))):
        poses = dataset[i]['poses']
        assert poses.frame_ids.tolist() == list(frames)
        np.testing.assert_array_equal(poses.keypoints, full[i].keypoints[list(frames)])
    failure = dataset[3]['data_samples'].failure
    assert f'clip_03: start 2 and end 99 do not fit the {lengths[3]} frames of' in failure


def test_randomness_depends_on_seed_epoch_and_clip_alone(corpus, pipeline):
    def parts(dataset, *index):
        return dataset[index if len(index) == 2 else index[0]]['inputs']['parts']['left']

    dataset = SignDataset(str(corpus), 'slt', pipeline)
    long = int(dataset.lengths.argmax())
    first = parts(dataset, 3, long)
    dataset[0], dataset[1]  # reading others in between changes nothing
    assert torch.equal(parts(dataset, 3, long), first)
    assert torch.equal(parts(SignDataset(str(corpus), 'slt', pipeline), 3, long), first)
    assert not torch.equal(parts(dataset, 4, long), first)
    assert not torch.equal(parts(SignDataset(str(corpus), 'slt', pipeline, seed=1), 3, long), first)
    assert torch.equal(parts(dataset, long), parts(dataset, 0, long))
    testing = SignDataset(str(corpus), 'slt', pipeline, test_mode=True)
    assert torch.equal(parts(testing, 3, long), parts(testing, 9, long))


def test_the_generator_is_the_same_on_every_machine():
    assert clip_rng(42, 3, 'clip_07').integers(0, 1000, 4).tolist() == [861, 977, 466, 609]
    assert clip_rng(42, 3, 'clip_08').integers(0, 1000, 4).tolist() != [861, 977, 466, 609]


def test_a_clip_that_fails_is_reported_and_never_replaced(corpus, pipeline):
    rewrite(corpus, lambda annotation, i: replace(annotation, poses='poses.lmdb#none') if i == 4 else annotation)
    dataset = SignDataset(str(corpus), 'slt', pipeline, name='toy')
    item = dataset[2, 4]
    assert item['inputs'] is None
    sample = item['data_samples']
    assert 'poses.lmdb#none: the packed store has no clip of this key' in sample.failure
    assert (sample.clip_id, sample.gt_text, sample.dataset, sample.num_frames) == ('clip_04', 'word 4', 'toy', 0)
    assert (sample.task, sample.lang) == ('slt', 'en')
    assert 'failure' not in dataset[3]['data_samples']


def test_a_clip_without_poses_says_what_to_do(tmp_path, pipeline):
    write_annotations(tmp_path / 'a.jsonl', [Annotation('c', video='c.mp4', text='x', lang='en')])
    dataset = SignDataset(str(tmp_path / 'a.jsonl'), 'slt', pipeline)
    assert dataset.lengths.tolist() == [0]
    assert 'c: the annotation names a video and no poses. Extract the' in dataset[0]['data_samples'].failure


@pytest.mark.parametrize(
    ('error', 'caught'), [(ClipError('c', 'bad.'), True), (OSError(5, 'I/O'), True), (KeyError('x'), False)]
)
def test_bugs_are_no_bad_clips(corpus, error, caught):
    def step(results):
        raise error

    dataset = SignDataset(str(corpus), 'slt', [step])
    if caught:
        assert dataset[0]['data_samples'].failure == str(error)
    else:
        with pytest.raises(type(error)):
            dataset[0]


def test_every_kind_of_bad_pose_file_is_named_and_the_others_are_read(tmp_path, pipeline, random_poses):
    good = random_poses(4)
    content = {'keypoints': list(good.keypoints[:, None]), 'scores': list(good.scores[:, None])}
    (tmp_path / 'good.pkl').write_bytes(pickle.dumps(content))
    (tmp_path / 'cut.pkl').write_bytes(pickle.dumps(content)[:-500])
    (tmp_path / 'code.pkl').write_bytes(b"cos\nsystem\n(S'touch ran'\ntR.")
    pixels = {**content, 'keypoints': [entry * 500 for entry in content['keypoints']]}
    (tmp_path / 'pixels.pkl').write_bytes(pickle.dumps(pixels))
    nan = {**content, 'scores': [entry * np.nan for entry in content['scores']]}
    (tmp_path / 'nan.pkl').write_bytes(pickle.dumps(nan))
    np.savez(tmp_path / 'shape.npz', keypoints=good.keypoints[:, :17], scores=good.scores[:, :17])
    np.savez(tmp_path / 'key.npz', keypoints=good.keypoints)
    (tmp_path / 'noise.npz').write_bytes(b'no archive')
    messages = {
        'good.pkl': None,
        'missing.pkl': 'the file cannot be read (No such file or directory). Check the path.',
        'cut.pkl': 'It may be truncated: download or extract it again.',
        'code.pkl': 'this pickle was refused: it asks for os.system, which could run code.',
        'pixels.pkl': 'these look like pixel coordinates. Divide x by the frame width',
        'nan.pkl': 'scores hold NaN or infinity in 4 of 4 frames (first: frame 0).',
        'shape.npz': 'expected keypoints [T, 133, 2] and scores [T, 133], got [4, 17, 2] and [4, 17].',
        'key.npz': "no array scores; found ['keypoints'].",
        'noise.npz': 'not a readable .npz of plain arrays',
        'other.txt': "unknown kind of pose file '.txt'. Poses are read from .pkl, .npz, .pose or STORE.lmdb#KEY.",
    }
    lines = [json.dumps({'id': name, 'poses': name, 'text': 'x', 'lang': 'en'}) for name in messages]
    (tmp_path / 'a.jsonl').write_text('\n'.join(lines))
    dataset = SignDataset(str(tmp_path / 'a.jsonl'), 'slt', pipeline)
    for i, (name, message) in enumerate(messages.items()):
        item = dataset[i]
        if message is None:
            assert item['data_samples'].num_frames == 4
        else:
            assert item['inputs'] is None
            assert item['data_samples'].failure.startswith(f'{tmp_path / name}: ')
            assert message in item['data_samples'].failure
    assert not (tmp_path / 'ran').exists()


class KeyStore:
    """A store of a user's own: keys are no paths, lengths are unknown."""

    def __init__(self, poses):
        self.poses = poses

    def read(self, key):
        return self.poses[key]


def test_a_store_of_the_users_own(corpus, pipeline, random_poses):
    store = KeyStore({f'poses.lmdb#clip_{i:02d}': random_poses(5) for i in range(23)})
    dataset = SignDataset(str(corpus), 'slt', pipeline, pose_store=store)
    assert dataset[7]['data_samples'].num_frames == 5
    assert not dataset.lengths.any()


def test_one_packed_store_by_its_keys(corpus, pipeline):
    rewrite(corpus, lambda annotation, i: replace(annotation, poses=annotation.id))
    store = {'type': 'PackedPoseStore', 'path': str(corpus.parent / 'poses.lmdb')}
    dataset = SignDataset(str(corpus), 'slt', pipeline, pose_store=store)
    assert sorted(dataset.lengths.tolist()) == list(range(3, 26))
    assert dataset[0]['inputs'] is not None

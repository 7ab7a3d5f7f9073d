"""CSL-News: the list's first 99 % are train, the rest dev."""

import shutil

import pytest
from corpus_files import write_json

from unisign.datasets import SignDataset
from unisign.datasets.conversion import FilePlaces, convert_corpus
from unisign.structures import DataError


def test_split_and_names(source, tmp_path, read_split):
    entries = [{'video': f'v_{i}.mp4', 'pose': f'p_{i}.pkl', 'text': f'句子{i}。'} for i in range(200)]
    write_json(source / 'CSL_News_Labels.json', entries)
    places = FilePlaces(poses='pose_format/{name}.pkl', videos='rgb_format/{name}.mp4')
    report = convert_corpus('csl-news', source, tmp_path / 'out', places)
    assert report.clips == {'train': 198, 'dev': 2} and list(read_split('dev')) == ['p_198', 'p_199']
    clip = read_split('train')['p_3']
    assert (clip.poses, clip.video) == ('pose_format/p_3.pkl', 'rgb_format/v_3.mp4')
    assert (clip.text, clip.lang) == ('句子3。', 'zh')


def test_real_poses_are_read_through_the_written_file(source, tmp_path, shared):
    (poses,) = (shared / 'data/csl_news').glob('*.pkl')
    entries = [{'video': f'{poses.stem}.mp4', 'pose': poses.name, 'text': '每天十八点为您直播的共同关注。'}]
    write_json(source / 'CSL_News_Labels.json', [*entries, entries[0] | {'pose': 'other.pkl'}])
    convert_corpus('csl-news', source, tmp_path / 'out')
    (tmp_path / 'out/poses').mkdir()
    shutil.copy(poses, tmp_path / 'out/poses')
    dataset = SignDataset(
        ann_file='annotations/train.jsonl',
        data_root=str(tmp_path / 'out'),
        task='slt',
        pipeline=[{'type': 'LoadPoses'}],
    )
    clip = dataset[0]
    assert len(clip['poses']) == 87 and clip['text'] == '每天十八点为您直播的共同关注。'


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('[\n{"video": }]', r'CSL_News_Labels\.json, line 2: this is no JSON'),
        ('{}', 'expected a list at the top, got a dict'),
        ('[{"video": "x.mp4", "text": "y"}]', r"entry 0: no 'pose' among"),
        ('[{"video": 7, "pose": "x.pkl", "text": "y"}]', r"entry 0: 'video' should be str, got 7"),
    ],
)
def test_errors(source, tmp_path, text, message):
    (source / 'CSL_News_Labels.json').write_text(text)
    with pytest.raises(DataError, match=message):
        convert_corpus('csl-news', source, tmp_path / 'out')


def test_no_utf8(source, tmp_path):
    (source / 'CSL_News_Labels.json').write_bytes(b'[\n\xff]')
    with pytest.raises(DataError, match='line 2: this is no UTF-8'):
        convert_corpus('csl-news', source, tmp_path / 'out')

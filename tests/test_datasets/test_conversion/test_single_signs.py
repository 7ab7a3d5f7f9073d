"""WLASL and MS-ASL: clips of single signs, and the list of their classes."""

import pytest
from corpus_files import write_json, write_pickle

from unisign.datasets.conversion import FilePlaces, convert_corpus
from unisign.structures import DataError

UNCUT = FilePlaces(poses=None, uncut=True)


@pytest.fixture
def wlasl(source):
    words = ''.join(f'{number}\tword{number}\n' for number in range(2000))
    (source / 'wlasl_class_list.txt').write_text(words)
    clips = {
        '00001': {'subset': 'train', 'action': [0, 1, 60]},
        '00002': {'subset': 'val', 'action': [99, 11, 40]},
        '00003': {'subset': 'test', 'action': [7, 1, -1]},
    }
    write_json(source / 'nslt_100.json', clips)
    instances = [{'video_id': '00002', 'split': 'val', 'signer_id': 12, 'url': 'x'}]
    write_json(source / 'WLASL_v0.3.json', [{'gloss': 'word99', 'instances': instances}])
    return source


def test_wlasl(wlasl, tmp_path, read_split):
    report = convert_corpus('wlasl', wlasl, tmp_path / 'out', subset=100)
    clip = read_split('dev')['00002']
    assert (clip.text, clip.gloss, clip.signer, clip.video) == ('word99', ('word99',), '12', 'videos/00002.mp4')
    assert clip.start is None and read_split('train')['00001'].signer is None
    assert report.labels.read_text().splitlines() == [f'word{number}' for number in range(100)]


def test_wlasl_frames_count_from_1_in_the_source_video(wlasl, tmp_path, read_split):
    actions = {'00002': [99, 11, 40], '00003': [7, 1, -1], '00004': [7, 9, 8]}
    write_json(wlasl / 'nslt_100.json', {key: {'subset': 'train', 'action': action} for key, action in actions.items()})
    report = convert_corpus('wlasl', wlasl, tmp_path / 'out', UNCUT, subset=100, dev_share=0)
    clips = read_split('train')
    assert (clips['00002'].start, clips['00002'].end, clips['00002'].poses) == (10, 40, None)
    assert (clips['00003'].start, clips['00003'].end) == (0, None)
    assert report.left_out == [f"{wlasl / 'nslt_100.json'}, key '00004': its end 8 is before its start 9"]


@pytest.mark.parametrize(
    ('entry', 'message'),
    [
        ({'subset': 'train'}, r"nslt_100\.json, key '9': no 'action' among \['subset'\]"),
        ({'subset': 'train', 'action': [100, 1, 2]}, 'class 100 is none of the 100 words'),
        ({'subset': 'train', 'action': [1, 2]}, r'should be \[class, start, end\], got \[1, 2\]'),
        ({'subset': 'few', 'action': [1, 1, 2]}, "expected a split .* got 'few'"),
    ],
)
def test_wlasl_errors(wlasl, tmp_path, entry, message):
    write_json(wlasl / 'nslt_100.json', {'9': entry})
    with pytest.raises(DataError, match=message):
        convert_corpus('wlasl', wlasl, tmp_path / 'out', subset=100)


def test_wlasl_class_list_and_subset(wlasl, tmp_path):
    with pytest.raises(ValueError, match='wlasl has the subsets 100, 300, 1000, 2000; got None'):
        convert_corpus('wlasl', wlasl, tmp_path / 'out')
    with pytest.raises(DataError, match=r'expected a file called nslt_300\.json, found'):
        convert_corpus('wlasl', wlasl, tmp_path / 'out', subset=300)
    (wlasl / 'wlasl_class_list.txt').write_text('0\tbook\n2\tdrink\n')
    with pytest.raises(DataError, match=r'wlasl_class_list\.txt, line 2: expected "1<TAB>word"'):
        convert_corpus('wlasl', wlasl, tmp_path / 'out', subset=100)


def test_wlasl_published(source, tmp_path, read_split):
    entry = {'name': '00001', 'gloss': ['book'], 'text': 'book', 'video_path': '00001.mp4'}
    write_pickle(source / 'labels-2000.train', {'00001': entry})
    write_pickle(source / 'labels-2000.dev', {'00002': entry | {'name': '00002', 'text': 'apple', 'gloss': ['apple']}})
    report = convert_corpus('wlasl', source, tmp_path / 'out', subset=2000, published=True)
    assert read_split('train')['00001'].text == 'book' and report.labels.read_text() == 'apple\nbook\n'


def msasl_entry(label=0, text='hello', **more):
    times = {'start': 30, 'end': 60, 'start_time': 1.0, 'end_time': 2.0, 'fps': 30.0}
    url = 'www.youtube.com/watch?v=C37R_Ix8-qs'
    return {'org_text': text, 'text': text, 'label': label, 'signer_id': 4, 'url': url, **times, **more}


def test_msasl(source, tmp_path, read_split):
    write_json(source / 'MSASL_classes.json', [f'word{label}' for label in range(1000)])
    entries = [msasl_entry(0, 'word0'), msasl_entry(100, 'word100'), msasl_entry(99, 'Word99', end=30)]
    write_json(source / 'MSASL_train.json', [*entries, msasl_entry(99, 'Word99')])
    write_json(source / 'MSASL_val.json', [msasl_entry(5, 'word5')])
    report = convert_corpus('msasl', source, tmp_path / 'out', UNCUT, subset=100)
    assert list(read_split('train')) == ['C37R_Ix8-qs-train-00000', 'C37R_Ix8-qs-train-00003']
    clip = read_split('train')['C37R_Ix8-qs-train-00003']
    assert (clip.text, clip.signer, clip.start, clip.end) == ('word99', '4', 30, 60)
    assert clip.video == 'videos/C37R_Ix8-qs.mp4' and list(read_split('dev')) == ['C37R_Ix8-qs-dev-00000']
    assert report.left_out == [f'{source / "MSASL_train.json"}, entry 2: its end is not behind its start']
    assert len(report.labels.read_text().splitlines()) == 100


@pytest.mark.parametrize(
    ('entries', 'message'),
    [
        ([msasl_entry(), msasl_entry(text='bye')], "entry 1: label 0 is 'hello' elsewhere, here 'bye'"),
        ([msasl_entry(url='vimeo.com/3')], "entry 0: 'url' should be the address of a YouTube video, got 'vimeo"),
        ([msasl_entry(label='0')], "entry 0: 'label' should be int, got '0'"),
        ([msasl_entry()], 'no word is known for label 1'),
    ],
)
def test_msasl_errors(source, tmp_path, entries, message):
    write_json(source / 'MSASL_train.json', entries)
    with pytest.raises(DataError, match=message):
        convert_corpus('msasl', source, tmp_path / 'out', subset=100)

"""Published gzip'd pickles become annotations, and nothing in them is run."""

import os

import pytest
from corpus_files import write_pickle

from unisign.datasets import Annotation
from unisign.datasets.conversion import convert_corpus
from unisign.structures import DataError


def entry(name, text='你好。', gloss=('你', '好')):
    return {'name': name, 'gloss': list(gloss) or '', 'text': text, 'video_path': f'{name}.mp4'}


def test_csl_daily(source, tmp_path, read_split):
    names = ['S000001_P0000_T00', 'S000002_P0004_T00', 'S000003_P0001_T00']
    for split, name in zip(('train', 'dev', 'test'), names, strict=True):
        write_pickle(source / f'labels.{split}', {name: entry(name)})

    report = convert_corpus('csl-daily', source, tmp_path / 'out', published=True)

    assert report.clips == {'train': 1, 'dev': 1, 'test': 1} and not report.dev_from_train
    assert read_split('dev')[names[1]] == Annotation(
        id=names[1],
        video=f'videos/{names[1]}.mp4',
        poses=f'poses/{names[1]}.pkl',
        text='你好。',
        gloss=('你', '好'),
        lang='zh',
        signer='P0004',
    )


def test_empty_texts_are_left_out_and_named(source, tmp_path, read_split):
    write_pickle(source / 'labels.train', {'a': entry('a', gloss=()), 'b': entry('b', text=' ', gloss=())})
    report = convert_corpus('csl-daily', source, tmp_path / 'out', published=True)
    assert list(read_split('train')) == ['a'] and read_split('train')['a'].gloss == ()
    assert len(report.left_out) == 1 and "labels.train, key 'b'" in report.left_out[0]


def test_a_pickle_with_code_is_refused(source, tmp_path):
    class Harmful:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / 'ran'),)

    write_pickle(source / 'labels.train', {'a': Harmful()})
    with pytest.raises(DataError, match=r'labels\.train.*refused.*mkdir'):
        convert_corpus('csl-daily', source, tmp_path / 'out', published=True)
    assert not (tmp_path / 'ran').exists() and not (tmp_path / 'out').exists()


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (['a'], 'expected a dict of clips, got a list'),
        ({'k': 3}, "key 'k': expected a dict, got a int"),
        ({'k': {'name': 'a', 'text': 'b', 'gloss': ''}}, "key 'k': no 'video_path' among .*gloss.*name.*text"),
        ({'k': entry('a') | {'text': 3}}, "key 'k': 'text' should be str, got 3"),
        ({'k': entry('a') | {'gloss': [3]}}, "key 'k': 'gloss' should be a list of texts"),
        ({'k': entry('a'), 'l': entry('a')}, "'a' is there twice, in train and train"),
        ({}, 'no clip is left of 0 entries'),
    ],
)
def test_other_layouts(source, tmp_path, content, message):
    write_pickle(source / 'labels.train', content)
    with pytest.raises(DataError, match=message):
        convert_corpus('csl-daily', source, tmp_path / 'out', published=True)


def test_truncated_and_missing(source, tmp_path):
    with pytest.raises(DataError, match=r'expected a file called labels\.train'):
        convert_corpus('csl-daily', source, tmp_path / 'out', published=True)
    write_pickle(source / 'labels.train', {'a': entry('a')})
    (source / 'labels.train').write_bytes((source / 'labels.train').read_bytes()[:-20])
    with pytest.raises(DataError, match=r'labels\.train: the file cannot be read'):
        convert_corpus('csl-daily', source, tmp_path / 'out', published=True)

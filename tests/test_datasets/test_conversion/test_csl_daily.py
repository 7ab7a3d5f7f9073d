"""CSL-Daily's own pickle and split file."""

import pytest
from corpus_files import write_pickle

from unisign.datasets.conversion import convert_corpus
from unisign.structures import DataError


def info(name):
    return {
        'name': name,
        'length': 80,
        'label_gloss': ['今天', '好'],
        'label_char': ['今', '天', '好'],
        'label_word': ['今天', '好'],
        'label_postag': ['t', 'a'],
    }


def test_clips(source, tmp_path, read_split):
    names = ['S000001_P0000_T00', 'S000002_P0004_T00', 'S000003_P0001_T00']
    write_pickle(source / 'csl2020ct_v2.pkl', {'info': [info(name) for name in names], 'gloss_map': {}}, gzipped=False)
    rows = ['name|split', *map('|'.join, zip(names, ('train', 'dev', 'test'), strict=True)), 'S000005_P0004_T00|train']
    (source / 'split_1.txt').write_text('\n'.join(rows) + '\n')
    report = convert_corpus('csl-daily', source, tmp_path / 'out')
    clip = read_split('test')[names[2]]
    assert (clip.text, clip.gloss, clip.signer, clip.lang) == ('今天好', ('今天', '好'), 'P0001', 'zh')
    assert report.clips == {'train': 1, 'dev': 1, 'test': 1}
    assert report.left_out == [f'{source / "split_1.txt"}, line 5: S000005_P0004_T00 has no entry in csl2020ct_v2.pkl']


@pytest.mark.parametrize(
    ('content', 'splits', 'message'),
    [
        ({'clips': []}, 'name|split\na|train', r"csl2020ct_v2\.pkl: no 'info' among \['clips'\]"),
        ({'info': [{}]}, 'name|split\na|train', r"csl2020ct_v2\.pkl, info 0: no 'name'"),
        (
            {'info': [info('a')]},
            'name|part\na|train',
            r"split_1\.txt, line 1: no column split; found \['name', 'part'\]",
        ),
        ({'info': [info('a')]}, 'name|split\na|b|c', r'split_1\.txt, line 2: expected 2 values'),
        ({'info': [info('a')]}, 'name|split\na|most', r"split_1\.txt, line 2: expected a split .* got 'most'"),
        ({'info': [{'name': 'a'}]}, 'name|split\na|dev', r"info 0 \(a\): no 'label_char' among"),
    ],
)
def test_errors(source, tmp_path, content, splits, message):
    write_pickle(source / 'csl2020ct_v2.pkl', content, gzipped=False)
    (source / 'split_1.txt').write_text(splits)
    with pytest.raises(DataError, match=message):
        convert_corpus('csl-daily', source, tmp_path / 'out')

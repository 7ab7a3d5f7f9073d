import pickle

import pytest

from unisign.datasets import Annotation, AnnotationFile, write_annotations
from unisign.structures import DataError


def test_all_keys_and_unknown_ones(tmp_path):
    path = tmp_path / 'a.jsonl'
    path.write_text(
        '{"id": "c1", "video": "c1.mp4", "poses": "c1.pkl", "text": "早上好", "gloss": ["早", "好"], "lang": "zh", '
        '"signer": "s1", "start": 3, "end": 9, "camera": 2}\n'
        '\n'
        '{"id": "c2", "video": "c2.mp4", "poses": null, "gloss": null}\r\n',
        encoding='utf-8',
    )
    file = AnnotationFile(path)
    assert len(file) == 2
    assert file[0] == Annotation('c1', 'c1.mp4', 'c1.pkl', '早上好', ('早', '好'), 'zh', 's1', 3, 9)
    assert file[1] == Annotation('c2', video='c2.mp4')
    assert pickle.loads(pickle.dumps(file))[0] == file[0]
    with pytest.raises(IndexError):
        file[2]


def test_writing_and_reading(tmp_path):
    annotations = [
        Annotation('a', poses='x.lmdb#a', text='good "morning"\n', lang='en', start=0, end=4),
        Annotation('b', video='b.mp4', gloss=('X',)),
    ]
    write_annotations(tmp_path / 'sub' / 'a.jsonl', annotations)
    file = AnnotationFile(tmp_path / 'sub' / 'a.jsonl')
    assert [file[i] for i in range(len(file))] == annotations
    assert [path.name for path in (tmp_path / 'sub').iterdir()] == ['a.jsonl']
    assert '"start": 0' in (tmp_path / 'sub' / 'a.jsonl').read_text()


GOOD = '{"id": "c1", "poses": "c1.pkl"}'
WRONG_LINES = [
    ('{"id": "c2", "poses": "c2.p', 'this line is no JSON'),
    ('\xff', 'this line is no JSON'),
    ('["c2"]', r'expected an object \{\.\.\}, got list'),
    ('{"name": "c2", "poses": "c2.pkl"}', r"""no "id" among \['name', 'poses'\]"""),
    ('{"id": 2, "poses": "c2.pkl"}', '"id" should be a text, got 2'),
    ('{"id": "", "poses": "c2.pkl"}', '"id" should be a text, got \'\''),
    (GOOD, """"id" 'c1' is taken by line 1"""),
    ('{"id": "c2", "pose": "c2.pkl"}', """'c2' has neither "video" nor "poses", only \\['id', 'pose'\\]"""),
    ('{"id": "c2", "poses": 5}', """"poses" of 'c2' should be a text, got 5"""),
    ('{"id": "c2", "poses": "p", "text": ["a"]}', """"text" of 'c2' should be a text, got \\['a'\\]"""),
    ('{"id": "c2", "poses": "p", "signer": 3}', """"signer" of 'c2' should be a text, got 3"""),
    ('{"id": "c2", "poses": "p", "gloss": "A B"}', """"gloss" of 'c2' should be a list of texts, got 'A B'"""),
    ('{"id": "c2", "poses": "p", "gloss": ["A", 1]}', '"gloss" of'),
    ('{"id": "c2", "poses": "p", "start": 1.5}', """"start" of 'c2' should be a frame number, 0 or more, got 1.5"""),
    ('{"id": "c2", "poses": "p", "start": -1}', '0 or more, got -1'),
    ('{"id": "c2", "poses": "p", "end": true}', '"end" of .* got True'),
    ('{"id": "c2", "poses": "p", "start": 4, "end": 4}', """"end" 4 of 'c2' should be larger than "start" 4"""),
    ('{"id": "c2", "poses": "p", "end": 0}', 'should be larger than "start" 0'),
]


@pytest.mark.parametrize(('line', 'message'), WRONG_LINES)
def test_a_wrong_line_is_named_by_file_and_number(tmp_path, line, message):
    path = tmp_path / 'a.jsonl'
    path.write_bytes(f'{GOOD}\n\n'.encode() + line.encode('latin1') + b'\n')
    with pytest.raises(DataError, match=rf'a\.jsonl, line 3: .*{message}.*A line looks like this: '):
        AnnotationFile(path)


def test_empty_and_missing_files(tmp_path):
    path = tmp_path / 'a.jsonl'
    path.write_text('\n \n')
    with pytest.raises(DataError, match=r'a\.jsonl: the annotation file holds no clips'):
        AnnotationFile(path)
    with pytest.raises(DataError, match=r'none\.jsonl: the annotation file cannot be read \(No such file'):
        AnnotationFile(tmp_path / 'none.jsonl')


def test_a_check_of_the_callers_is_reported_with_the_line(tmp_path):
    path = tmp_path / 'a.jsonl'
    path.write_text(GOOD)
    with pytest.raises(DataError, match=r'a\.jsonl, line 1: c1 is not wanted\.'):
        AnnotationFile(path, check=lambda annotation: f'{annotation.id} is not wanted')

"""How2Sign, OpenASL and PHOENIX14T: tables of sentences."""

import pytest

from unisign.datasets.conversion import FilePlaces, convert_corpus
from unisign.structures import DataError

HOW2SIGN = 'VIDEO_ID\tVIDEO_NAME\tSENTENCE_ID\tSENTENCE_NAME\tSTART_REALIGNED\tEND_REALIGNED\tSENTENCE\n'
OPENASL = 'vid\tyid\tstart\tend\traw-text\ttokenized-text\tgloss\tsplit\n'
VID = 'abc-ef_hijk-00:00:14.100-00:00:17.266'


def how2sign_row(name='abc_10-5-rgb_front', end='4.5', text='"Hi," he said, "come".'):
    return f'abc\tabc-5-rgb_front\tabc_10\t{name}\t1.5\t{end}\t{text}\n'


def test_how2sign(source, tmp_path, read_split):
    for split in ('train', 'val', 'test'):
        rows = (
            how2sign_row(f'{split}_10-5-rgb_front') + how2sign_row('empty', text=' ') + how2sign_row('short', end='1')
        )
        (source / f'how2sign_realigned_{split}.csv').write_text(HOW2SIGN + rows)
    report = convert_corpus('how2sign', source, tmp_path / 'out')
    clip = read_split('dev')['val_10-5-rgb_front']
    assert (clip.text, clip.lang) == ('"Hi," he said, "come".', 'en')
    assert (clip.poses, clip.start) == ('poses/val_10-5-rgb_front.pkl', None)
    assert f'{source / "how2sign_realigned_test.csv"}, line 3: the text is empty' in report.left_out
    assert any('test.csv, line 4: its end is not behind its start: (1.5, 1.0)' in line for line in report.left_out)
    assert not report.dev_from_train


def test_how2sign_whole_recordings(source, tmp_path, read_split):
    (source / 'how2sign_realigned_train.csv').write_text(HOW2SIGN + how2sign_row())
    with pytest.raises(DataError, match='Give the frame rate'):
        convert_corpus('how2sign', source, tmp_path / 'out', FilePlaces(uncut=True))
    convert_corpus('how2sign', source, tmp_path / 'out', FilePlaces(uncut=True, frame_rate=30))
    clip = read_split('train')['abc_10-5-rgb_front']
    assert (clip.start, clip.end, clip.video) == (45, 135, 'videos/abc-5-rgb_front.mp4')


def test_dev_is_taken_from_train_where_it_has_none(source, tmp_path, read_split):
    rows = [how2sign_row(f'{i}_1-5-rgb_front').replace('abc-5', f'{i // 2}-5') for i in range(100)]
    (source / 'how2sign_realigned_train.csv').write_text(HOW2SIGN + ''.join(rows))
    report = convert_corpus('how2sign', source, tmp_path / 'out')
    first, second = (int(name.split('_')[0]) for name in read_split('dev'))
    with pytest.raises(DataError, match=r'dev\.jsonl: it is of an earlier conversion; this one has no dev\. Remove it'):
        convert_corpus('how2sign', source, tmp_path / 'out', dev_share=0)
    assert len(read_split('train')) == 98
    assert report.dev_from_train and report.clips == {'train': 98, 'dev': 2} and first // 2 == second // 2


def test_only_clips_that_exist(source, tmp_path, read_split):
    rows = how2sign_row('one_1-5-rgb_front') + how2sign_row('two_1-5-rgb_front') + how2sign_row('three_1-5-rgb_front')
    (source / 'how2sign_realigned_train.csv').write_text(HOW2SIGN + rows)
    with pytest.raises(DataError, match='none of 3 clips has poses or a video'):
        convert_corpus('how2sign', source, tmp_path / 'out', only_existing=True)
    for file in ('poses/one_1-5-rgb_front.pkl', 'videos/three_1-5-rgb_front.mp4'):
        (tmp_path / 'out' / file).parent.mkdir(parents=True)
        (tmp_path / 'out' / file).touch()
    report = convert_corpus('how2sign', source, tmp_path / 'out', only_existing=True)
    assert list(read_split('train')) == ['one_1-5-rgb_front', 'three_1-5-rgb_front']
    assert report.left_out == [f'{tmp_path / "out"}: neither poses nor video of two_1-5-rgb_front']


@pytest.mark.parametrize(
    ('table', 'message'),
    [
        (HOW2SIGN.replace('SENTENCE\n', 'WORDS\n'), r"line 1: no column SENTENCE; found \['video_id', "),
        (HOW2SIGN + how2sign_row(end='x'), "line 2: expected times in seconds or hh:mm:ss, got '1.5' and 'x'"),
        (HOW2SIGN + 'a\tb\n', 'line 2: expected 7 values as in line 1, got 2'),
    ],
)
def test_how2sign_errors(source, tmp_path, table, message):
    (source / 'how2sign_realigned_train.csv').write_text(table)
    with pytest.raises(DataError, match=r'how2sign_realigned_train\.csv, ' + message):
        convert_corpus('how2sign', source, tmp_path / 'out')


def test_a_comma_table_and_a_quoted_value(source, tmp_path, read_split):
    (source / 'how2sign_train.csv').write_text('VIDEO_NAME,SENTENCE_NAME,START,END,SENTENCE\nv,s,1,2,"Yes, ""now""."\n')
    convert_corpus('how2sign', source, tmp_path / 'out')
    assert read_split('train')['s'].text == 'Yes, "now".'
    (source / 'how2sign_train.csv').write_text(HOW2SIGN + how2sign_row('s', text='"Say ""now"", please"'))
    convert_corpus('how2sign', source, tmp_path / 'out')
    assert read_split('train')['s'].text == 'Say "now", please'


def test_openasl(source, tmp_path, read_split):
    rows = [f'{VID}\tabc-ef_hijk\t00:00:14.100\t00:00:17.266\tSay "no!\tsay no\tSAY\t{split}\n' for split in ('valid',)]
    (source / 'openasl-v1.0.tsv').write_text(OPENASL + ''.join(rows))
    convert_corpus('openasl', source, tmp_path / 'out', FilePlaces(colon='-'))
    clip = read_split('dev')[VID]
    assert clip.text == 'Say "no!' and clip.poses == 'poses/abc-ef_hijk-00-00-14.100-00-00-17.266.pkl'
    convert_corpus('openasl', source, tmp_path / 'out', FilePlaces(uncut=True, frame_rate=10))
    clip = read_split('dev')[VID]
    assert (clip.start, clip.end, clip.video) == (141, 173, 'videos/abc-ef_hijk.mp4')


def test_openasl_errors(source, tmp_path):
    (source / 'openasl-v1.0.tsv').write_text(OPENASL + f'{VID}\ty\t1\t2\ttext\ttext\t\tsome\n')
    with pytest.raises(DataError, match=r"openasl-v1\.0\.tsv, line 2: expected a split .* got 'some'"):
        convert_corpus('openasl', source, tmp_path / 'out')


def test_phoenix14t(source, tmp_path, read_split):
    name = '11August_2010_Wednesday_tagesschau-1'
    table = (
        f'name|video|start|end|speaker|orth|translation\n{name}|{name}/1/*.png|-1|-1|Signer08|JETZT WETTER|und nun .\n'
    )
    for split in ('train', 'dev', 'test'):
        (source / f'PHOENIX-2014-T.{split}.corpus.csv').write_text(table.replace('-1|', f'-{split}|', 1))
    convert_corpus('phoenix14t', source, tmp_path / 'out')
    (clip,) = read_split('test').values()
    assert (clip.gloss, clip.text, clip.lang, clip.signer) == (('JETZT', 'WETTER'), 'und nun .', 'de', 'Signer08')
    with pytest.raises(DataError, match='does not say where this clip lies in its recording'):
        convert_corpus('phoenix14t', source, tmp_path / 'out', FilePlaces(uncut=True))


def test_phoenix14t_errors(source, tmp_path):
    (source / 'PHOENIX-2014-T.train.corpus.csv').write_text('name|video\na|b\n')
    with pytest.raises(DataError, match=r"train\.corpus\.csv, line 1: no column speaker or signer; found \['name'"):
        convert_corpus('phoenix14t', source, tmp_path / 'out')

"""YouTube-ASL: each caption of a listed video is a clip."""

import pytest
from corpus_files import write_json

from unisign.datasets.conversion import FilePlaces, convert_corpus
from unisign.structures import DataError

VTT = """WEBVTT
Kind: captions

1
00:00:14.100 --> 00:00:17.266 align:start
<c>Good</c> morning,
Tom &amp; Ann

00:01:00.000 --> 00:01:02.000
 

01:02.500 --> 01:03.500
See you
"""  # noqa: W293 - an empty caption


@pytest.fixture
def videos(source):
    (source / 'captions').mkdir()
    (source / 'youtube_asl_video_ids.txt').write_text('aaaaaaaaaaa\nbbbbbbbbbbb\n\nccccccccccc\n')
    (source / 'captions/aaaaaaaaaaa.en.vtt').write_text(VTT)
    return source


def test_captions(videos, tmp_path, read_split):
    segments = [{'utf8': 'I am'}, {'utf8': '\nhere'}]
    events = [{'tStartMs': 0}, {'tStartMs': 500, 'dDurationMs': 1500, 'segs': segments}]
    events.append({'tStartMs': 700, 'dDurationMs': 0, 'segs': segments})
    write_json(videos / 'captions/ccccccccccc.json3', {'events': [*events, {'tStartMs': 9, 'segs': [{'utf8': '\n'}]}]})
    report = convert_corpus('youtube-asl', videos, tmp_path / 'out', FilePlaces(uncut=True, frame_rate=30), dev_share=0)
    clips = read_split('train')
    assert {name: clip.text for name, clip in clips.items()} == {
        'aaaaaaaaaaa-00014100-00017266': 'Good morning, Tom & Ann',
        'aaaaaaaaaaa-00062500-00063500': 'See you',
        'ccccccccccc-00000500-00002000': 'I am here',
    }
    last = clips['ccccccccccc-00000500-00002000']
    assert (last.start, last.end, last.poses, last.lang) == (15, 60, 'poses/ccccccccccc.pkl', 'en')
    assert report.left_out == [
        f'{videos / "youtube_asl_video_ids.txt"}, line 2: no captions for bbbbbbbbbbb',
        f"{videos / 'captions/ccccccccccc.json3'}: the end of 'I am here' is not behind its start: (700, 700) ms",
    ]


@pytest.mark.parametrize(
    ('captions', 'message'),
    [
        ('<html>', r"aaaaaaaaaaa\.en\.vtt, line 1: expected WEBVTT, got '<html>'"),
        ('WEBVTT\n\n00:x --> 00:02.0\nhi', 'line 3: expected "start --> end"'),
        ('WEBVTT\n\n00:03.0 --> 00:0.2.0\nhi', "line 3: expected times in seconds or hh:mm:ss, got '00:03.0' and"),
    ],
)
def test_vtt_errors(videos, tmp_path, captions, message):
    (videos / 'captions/aaaaaaaaaaa.en.vtt').write_text(captions)
    with pytest.raises(DataError, match=message):
        convert_corpus('youtube-asl', videos, tmp_path / 'out')


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ({}, r"json3: no 'events' among \[\]"),
        ({'events': [{'segs': [{'utf8': 'a'}], 'tStartMs': 1}]}, "event 0: no 'dDurationMs' among"),
    ],
)
def test_json3_errors(videos, tmp_path, content, message):
    write_json(videos / 'captions/bbbbbbbbbbb.json3', content)
    with pytest.raises(DataError, match=message):
        convert_corpus('youtube-asl', videos, tmp_path / 'out')


def test_ids(videos, tmp_path):
    (videos / 'youtube_asl_video_ids.txt').write_text('aaaaaaaaaaa\nhttps://x\n')
    with pytest.raises(DataError, match=r"video_ids\.txt, line 2: expected the 11 letters .* got 'https://x'"):
        convert_corpus('youtube-asl', videos, tmp_path / 'out')

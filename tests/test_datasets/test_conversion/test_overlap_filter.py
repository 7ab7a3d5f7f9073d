"""Clips of videos that another corpus has too are left out."""

import json

import pytest

from unisign.datasets.overlap_filter import filter_overlap
from unisign.structures import DataError


def write(path, ids):
    path.write_text(
        ''.join(json.dumps({'id': name, 'video': 'x.mp4', 'text': 't', 'mine': 1}) + '\n\n' for name in ids)
    )
    return path


def test_openasl_in_youtube_asl(tmp_path):
    names = ['aaaa-_aaaaa-00000100-00000200', 'bbbbbbbbbbb-00000100-00000200', 'aaaa-_aaaaa-00000300-00000400']
    mine = write(tmp_path / 'train.jsonl', names)
    other = write(tmp_path / 'other.jsonl', ['aaaa-_aaaaa-00:00:14.100-00:00:17.266'])
    assert filter_overlap(mine, [other], tmp_path / 'kept.jsonl') == (1, 2)
    (line,) = (tmp_path / 'kept.jsonl').read_text().splitlines()
    assert json.loads(line) == {'id': names[1], 'video': 'x.mp4', 'text': 't', 'mine': 1}


def test_errors(tmp_path):
    mine = write(tmp_path / 'train.jsonl', ['aaaaaaaaaaa-1-2'])
    other = write(tmp_path / 'other.jsonl', ['00001'])
    with pytest.raises(DataError, match=r"other\.jsonl: the id '00001' does not begin"):
        filter_overlap(mine, [other], tmp_path / 'kept.jsonl')
    with pytest.raises(DataError, match='each of its 1 clips is in the other corpora'):
        filter_overlap(mine, [mine], tmp_path / 'kept.jsonl')
    assert not (tmp_path / 'kept.jsonl').exists()

"""The check names what is wrong with clips and what splits share."""

import json
import subprocess
import sys

import numpy as np
import pytest
from corpus_files import write_json

from unisign.datasets.annotation_check import check_annotations
from unisign.datasets.annotation_report import describe_check
from unisign.stores import PackedPoseWriter, write_npz
from unisign.structures import Poses


def poses(frames):
    return Poses(np.full((frames, 133, 2), 0.5, np.float32), np.ones((frames, 133), np.float32))


@pytest.fixture
def files(tmp_path):
    (tmp_path / 'poses').mkdir()
    write_npz(tmp_path / 'poses/a.npz', poses(20))
    write_npz(tmp_path / 'poses/short.npz', poses(2))
    (tmp_path / 'poses/bad.npz').write_bytes(b'no zip')
    (tmp_path / 'v.mp4').write_bytes(b'0')
    with PackedPoseWriter(tmp_path / 'p.lmdb') as writer:
        writer.write('k', poses(30))
    train = [
        {'id': 'a', 'poses': 'poses/a.npz', 'text': 'Good morning', 'signer': 'anna', 'lang': 'en'},
        {'id': 'short', 'poses': 'poses/short.npz', 'video': 'v.mp4', 'text': 'good night', 'signer': 'anna'},
        {'id': 'bad', 'poses': 'poses/bad.npz', 'text': 'day'},
        {'id': 'none', 'poses': 'p.lmdb#none', 'video': 'none.mp4', 'text': ' '},
        {'id': 'video', 'video': 'v.mp4', 'text': 'one', 'end': 50},
        {'id': 'cut', 'poses': 'p.lmdb#k', 'text': 'two', 'start': 10, 'end': 40},
    ]
    test = [
        {'id': 'a', 'poses': 'p.lmdb#k', 'text': 'good  morning', 'signer': 'anna'},
        {'id': 'b', 'poses': 'p.lmdb#k', 'gloss': ['A', 'B'], 'video': 'v.mp4', 'text': '早上 好', 'lang': 'zh'},
    ]
    for name, lines in (('train', train), ('test', test)):
        (tmp_path / f'{name}.jsonl').write_text(''.join(json.dumps(line) + '\n' for line in lines))
    return [tmp_path / 'train.jsonl', tmp_path / 'test.jsonl']


def test_problems(files):
    (train, test), _ = check_annotations(files, max_frames=40)
    assert train.problems == {
        'no video': ['a', 'bad', 'cut'],
        'too short': ['short'],
        'neither poses nor video': ['none'],
        'empty text': ['none'],
        'no poses': ['video'],
        'too long': ['video'],
        'end behind the poses': ['cut'],
    }
    assert train.has_faults and not test.has_faults
    assert train.frames == [20, 2, 50, 30] and test.frames == [30, 30]
    assert (
        test.text_lengths == [2, 3]
        and test.words == {'good', 'morning', '早', '上', '好'}
        and test.glosses == {'A', 'B'}
    )


def test_reading_finds_damaged_poses(files):
    (train, _), _ = check_annotations(files, read_poses=True)
    assert train.problems['damaged poses'] == ['bad']


def test_overlaps(files):
    _, overlaps = check_annotations(files)
    assert [(shared.what, shared.values, shared.clips) for shared in overlaps] == [
        ('ids', ('a',), 1),
        ('signers', ('anna',), 1),
        ('texts', ('good morning',), 1),
        ('videos', ('v.mp4',), 1),
    ]


def test_report(files):
    report = describe_check(*check_annotations(files, max_frames=40), examples=2)
    assert f'{files[0]}: 6 clips, 5 different texts, signers: 1\n' in report
    assert '  frames a clip: 2 to 50, median 25, mean 25.5; not known for 2\n' in report
    assert '  no video: 3 (a, bad, ..)\n' in report and '  not in train.jsonl: 3 words, 2 glosses\n' in report
    assert f'{files[0]} and {files[1]} share 1 texts: 1 clips of the second (good morning)' in report
    with pytest.raises(ValueError, match='min_frames 9 is larger than max_frames 8'):
        check_annotations(files, min_frames=9, max_frames=8)


@pytest.mark.slow
def test_commands(tmp_path, repo):
    """Convert, then check: as a person would type it."""
    (tmp_path / 'in').mkdir()
    write_json(
        tmp_path / 'in/CSL_News_Labels.json', [{'video': f'{i}.mp4', 'pose': f'{i}.pkl', 'text': 'x'} for i in '12']
    )

    def run(*words):
        command = [sys.executable, *map(str, words)]
        return subprocess.run(command, cwd=repo, capture_output=True, text=True)

    done = run('tools/data/convert_annotations.py', 'csl-news', tmp_path / 'in', tmp_path / 'out', '--videos', '')
    train = tmp_path / 'out/annotations/train.jsonl'
    assert done.returncode == 0 and f'{train}: 1 clips\n' in done.stdout, done.stderr
    checked = run('tools/data/check_annotations.py', train)
    assert checked.returncode == 1 and 'neither poses nor video: 1 (1)' in checked.stdout, checked.stderr
    refused = run('tools/data/convert_annotations.py', 'wlasl', tmp_path / 'in', tmp_path / 'out')
    assert refused.returncode == 1 and refused.stderr == (
        'error: wlasl has the subsets 100, 300, 1000, 2000; got None\n'
    )

"""Long videos: segments, their texts, and what of the video is read."""

import json
import runpy
import sys
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pysubs2
import pytest
from file_poses import FilePoses

from unisign.apis import LongVideoTranslator
from unisign.datasets.video_readers import PyAVReader
from unisign.pose import resample
from unisign.segmentation import SegmentRule, segments_of
from unisign.stores import read_npz, write_npz
from unisign.structures import ClipError, DataError, Poses

POSE, RGB = 'stage3_toy-slt_pose', 'stage3_toy-islr'


@pytest.fixture(autouse=True)
def here(checkout, monkeypatch):
    monkeypatch.chdir(checkout)


def test_each_segment_gets_the_answer_of_its_own_clip(inferencer, talk):
    own, poses = inferencer(POSE), read_npz(f'{talk}.npz')
    found = LongVideoTranslator(own)(f'{talk}.mp4', f'{talk}.npz')
    segments = segments_of(poses)
    assert [one.segment for one in found] == segments and len(found) == 2
    for one, segment in zip(found, segments, strict=True):
        alone = own(poses.select(np.arange(segment.start, segment.end)))
        assert (one.text, one.translation.num_frames) == (alone.text, len(segment))
        assert one.translation.score == pytest.approx(alone.score, abs=1e-5)
        assert (one.start, one.end) == (segment.start / 15, segment.end / 15)
    assert [one.translation.clip_id for one in found] == ['talk-0000', 'talk-0001']


def test_keypoints_may_come_from_an_estimator_a_file_or_memory(inferencer, talk):
    poses = read_npz(f'{talk}.npz')
    estimator = FilePoses(f'{talk}.npz')
    streamed = LongVideoTranslator(inferencer(POSE, pose=estimator))(f'{talk}.mp4')
    assert len(estimator.seen) == len(poses)
    expected = LongVideoTranslator(inferencer(POSE))(poses)
    assert len(expected) == 2 and [one.text for one in streamed] == [one.text for one in expected]

    def function(frames, frame_rate=25.0):
        assert frame_rate == 15 and len(list(frames)) == len(poses)
        return poses

    called = LongVideoTranslator(inferencer(POSE, pose=function))(f'{talk}.mp4')
    named = LongVideoTranslator(inferencer(POSE, pose=f'{talk}.npz'))(f'{talk}.mp4')
    for answers in (called, named):
        assert [(one.segment, one.text) for one in answers] == [(one.segment, one.text) for one in expected]


def test_models_with_pictures_read_the_frames_of_the_segment_alone(inferencer, talk, monkeypatch):
    own, poses = inferencer(RGB), read_npz(f'{talk}.npz')
    reader, asked = PyAVReader.frames, []

    def frames(self, path, indices):
        asked.extend(np.asarray(indices).tolist())
        return reader(self, path, indices)

    monkeypatch.setattr(PyAVReader, 'frames', frames)
    found = LongVideoTranslator(own)(f'{talk}.mp4', poses)
    inside = {i for one in found for i in range(one.segment.start, one.segment.end)}
    assert 0 < len(asked) < len(poses) / 2 and set(asked) <= inside
    monkeypatch.undo()
    for one in found:
        part = poses.select(np.arange(one.segment.start, one.segment.end))
        alone = own(f'{talk}.mp4', poses=part)
        assert not alone.note and not one.translation.note
        assert one.text == alone.text and one.translation.score == pytest.approx(alone.score, abs=1e-5)
    faster = LongVideoTranslator(own)(f'{talk}.mp4', resample(poses, 30))  # two entries a frame
    assert [len(one.segment) for one in faster] == pytest.approx([2 * len(one.segment) for one in found], abs=4)
    assert not any(one.translation.failure or one.translation.note for one in faster)


def test_windows_overlap_and_their_texts_are_joined(inferencer, talk):
    rule = SegmentRule(longest=0.8, overlap=0.2)
    found = LongVideoTranslator(inferencer(POSE), rule)(f'{talk}.npz')
    windows = [one for one in found if one.segment.overlap]
    assert len(windows) >= 2
    for before, one in pairwise(found):
        if one.segment.overlap:
            assert one.start == pytest.approx((before.segment.end - 1.5) / 15)  # the middle of three frames
            if one.translation.text == before.translation.text:
                assert one.text == ''


def test_nobody_signs(inferencer, talk):
    poses = read_npz(f'{talk}.npz')
    nobody = replace(poses, scores=np.zeros_like(poses.scores))
    assert LongVideoTranslator(inferencer(POSE))(nobody) == []
    assert LongVideoTranslator(inferencer(POSE, pose=lambda frames, frame_rate: nobody))(f'{talk}.mp4') == []


def test_what_cannot_be_used_is_named(inferencer, talk, tmp_path):
    translate = LongVideoTranslator(inferencer(POSE))
    with pytest.raises(ClipError, match='no such file or folder'):
        translate('gone.mp4', f'{talk}.npz')
    with pytest.raises(DataError, match='a single one'):
        translate([f'{talk}.npz', f'{talk}.npz'])
    poses = read_npz(f'{talk}.npz')
    twice = Poses(np.tile(poses.keypoints, (2, 1, 1)), np.tile(poses.scores, (2, 1)), poses.frame_size, 15.0)
    with pytest.raises(ClipError, match='shorter than the poses'):
        translate(f'{talk}.mp4', twice)
    (tmp_path / 'list.mp4').write_text(f'ffconcat version 1.0\nfile {talk}.mp4\n')
    with pytest.raises(ClipError, match='is no video'):
        translate(str(tmp_path / 'list.mp4'), poses)


@pytest.fixture
def demo(trained, repo, monkeypatch, capsys):
    def run(*arguments):
        command = ['subtitle.py', *arguments, '--model', POSE, '--checkpoint', trained(POSE)[1], '--device', 'cpu']
        monkeypatch.setattr(sys, 'argv', [str(word) for word in command])
        with pytest.raises(SystemExit) as stop:
            runpy.run_path(str(repo / 'demo' / 'subtitle.py'), run_name='__main__')
        return stop.value.code, capsys.readouterr()

    return run


def test_the_command_writes_what_the_options_ask(demo, talk, tmp_path):
    names = [tmp_path / 'new' / name for name in ('talk.srt', 'talk.vtt', 'talk.jsonl')]
    options = ['--pose', f'{talk}.npz', '--lang', 'en', '--out', names[0], '--out', names[1], '--segments', names[2]]
    code, output = demo(f'{talk}.mp4', *options)
    lines = [json.loads(line) for line in names[2].read_text(encoding='utf-8').splitlines()]
    assert code == 0 and len(lines) == 2 and len(output.out.splitlines()) == 2
    assert [line['id'] for line in lines] == ['talk-0000', 'talk-0001'] and all(line['nbest'] for line in lines)
    for name in names[:2]:
        read = pysubs2.load(str(name))
        assert ''.join(''.join(event.plaintext.split()) for event in read) == ''.join(
            ''.join(line['text'].split()) for line in lines
        )
        assert f'{name}: {len(read)} subtitles' in output.err


def test_a_video_without_signing_gives_empty_files_and_a_word(demo, talk, tmp_path):
    poses = read_npz(f'{talk}.npz')
    write_npz(tmp_path / 'still.npz', poses.select(np.zeros(60, dtype=int)))
    code, output = demo(
        tmp_path / 'still.npz', '--lang', 'en', '--out', tmp_path / 'a.srt', '--out', tmp_path / 'a.vtt'
    )
    assert code == 0 and 'nobody signs in it' in output.err
    assert (tmp_path / 'a.srt').read_text() == '' and (tmp_path / 'a.vtt').read_text().strip() == 'WEBVTT'


def test_what_there_is_is_kept_where_a_video_is_damaged(demo, talk, tmp_path, monkeypatch):
    stream = LongVideoTranslator.stream

    def damaged(self, video, progress):
        yield next(stream(self, video))
        raise ClipError(video, 'decoding did not reach frame 50.')

    out = tmp_path / 'talk.srt'
    code, output = demo('gone.mp4', '--pose', f'{talk}.npz', '--lang', 'en', '--out', out)
    assert code == 1 and 'no such file' in output.err and not out.exists()
    monkeypatch.setattr(LongVideoTranslator, 'stream', damaged)
    code, output = demo(f'{talk}.mp4', '--pose', f'{talk}.npz', '--lang', 'en', '--out', out)
    assert code == 1 and 'did not reach frame 50' in output.err and len(pysubs2.load(str(out))) >= 1


def test_mistakes_are_told_before_anything_is_done(demo, talk):
    code, output = demo(f'{talk}.mp4', '--out', 'talk.txt')
    assert code == 1 and output.err.startswith('DataError: talk.txt: the name of a file with subtitles ends in')
    code, output = demo(f'{talk}.mp4', '--rule', '{"pauze": 1}')
    assert code == 1 and 'has no pauze' in output.err and 'pause' in output.err

"""demo/translate.py as a user sees it."""

import json
import runpy
import sys

import pytest

from unisign.analysis.predictions_file import read_predictions

NAME = 'stage3_toy-islr_pose'


@pytest.fixture
def demo(trained, checkout, repo, monkeypatch, capsys):
    monkeypatch.chdir(checkout)
    checkpoint = trained(NAME)[1]

    def run(*arguments):
        command = ['translate.py', *map(str, arguments), '--model', NAME, '--checkpoint', checkpoint, '--device', 'cpu']
        monkeypatch.setattr(sys, 'argv', [str(word) for word in command])
        with pytest.raises(SystemExit) as stop:
            runpy.run_path(str(repo / 'demo' / 'translate.py'), run_name='__main__')
        return stop.value.code, capsys.readouterr()

    return run


def test_a_video_with_its_pose_file(demo, tmp_path):
    out, clip = tmp_path / 'out' / 'answers.jsonl', 'sign-test-00000'
    poses = f'data/toy/poses.lmdb#{clip}'
    options = ['--lang', 'en', '--out', out, '--render', tmp_path / 'drawn', '--timings']
    code, output = demo(f'data/toy/videos/{clip}.mp4', '--pose', poses, *options)
    (line,) = map(json.loads, out.read_text(encoding='utf-8').splitlines())
    assert code == 0 and output.err == ''
    assert output.out.splitlines()[0] == f'{clip}: {line["pred"]} ({line["score"]:.3f})'
    assert 'model ' in output.out and line['seconds'].keys() == {'pipeline', 'model', 'drawing'}
    assert (line['id'], line['task'], line['lang'], line['nbest'][0][0]) == (clip, 'islr', 'en', line['pred'])
    assert line['video'] == str(tmp_path / 'drawn' / f'{clip}.mp4') and (tmp_path / 'drawn' / f'{clip}.mp4').is_file()
    with pytest.raises(ValueError, match="lacks 'ref'"):  # nobody knows the right answer: it must not be scored as ''
        read_predictions(out)


def test_several_clips_and_a_bad_one(demo, tmp_path):
    out = tmp_path / 'answers.jsonl'
    videos = [f'data/toy/videos/sign-test-0000{i}.mp4' for i in range(2)]
    code, output = demo(*videos, 'gone.mp4', '--pose', 'data/toy/poses.lmdb', '--lang', 'en', '--out', out)
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert code == 1 and len(output.out.splitlines()) == 2
    assert [bool(line.get('failure')) for line in lines] == [False, False, True]
    assert output.err == 'gone.mp4: there is no such file or folder. Check the path.\n'


def test_mistakes_are_one_line(demo):
    code, output = demo('gone.mp4', '--lang', 'en')
    assert code == 1 and output.err == 'ClipError: gone.mp4: there is no such file or folder. Check the path.\n'
    code, output = demo('data/toy/videos/sign-test-00000.mp4')
    assert code == 1 and output.err.startswith('DataError: SignInferencer: lang is not given')

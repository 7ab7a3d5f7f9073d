"""SignInferencer answers as tools/test.py does, whatever form a clip comes in."""

import functools
import http.server
import json
import threading

import numpy as np
import pytest
import torch

from unisign.apis import DownloadLimits, SignInferencer, init_model
from unisign.datasets.video_readers import PyAVReader
from unisign.engine.launch import run_test
from unisign.stores import PoseFiles, write_npz, write_pose_file
from unisign.structures import ClipError, DataError, Poses

POSE, RGB = 'stage3_toy-islr_pose', 'stage3_toy-islr'
STORE = 'data/toy/poses.lmdb'


@pytest.fixture(autouse=True)
def here(checkout, monkeypatch):
    monkeypatch.chdir(checkout)


def video(clip_id):
    return f'data/toy/videos/{clip_id}.mp4'


def clip_ids(task='islr'):
    with open(f'data/toy/annotations/{task}_test.jsonl', encoding='utf-8') as file:  # noqa: PTH123
        return [(line['id'], line['lang']) for line in map(json.loads, file)]


def stored(clip_id):
    return PoseFiles().read(f'{STORE}#{clip_id}')


def inferencer(trained, name, **arguments):
    cfg, checkpoint = trained(name)
    return SignInferencer(cfg, checkpoint, **{'pose': STORE, 'device': 'cpu', 'lang': 'en', **arguments})


@pytest.mark.parametrize('name', [POSE, RGB, 'stage3_toy-slt_pose', 'stage3_toy-slt'])
def test_the_answers_are_those_of_the_test_command(trained, tmp_path, name):
    cfg, checkpoint = trained(name)
    run_test(cfg, checkpoint, str(tmp_path / 'preds.jsonl'))
    expected = {line['id']: line for line in map(json.loads, (tmp_path / 'preds.jsonl').read_text().splitlines())}
    translate = inferencer(trained, name, batch_size=4)
    answers = []
    for lang in ('en', 'zh'):
        videos = [video(clip_id) for clip_id, own in clip_ids(name.split('-')[1].removesuffix('_pose')) if own == lang]
        answers += translate(videos, lang=lang) if videos else []
    assert len(answers) == len(expected) >= 6
    for answer in answers:
        line = expected[answer.clip_id]
        assert (answer.text, answer.task, answer.lang) == (line['pred'], line['task'], line['lang'])
        assert answer.score == pytest.approx(line['score'], abs=1e-5)
        assert [text for text, _ in answer.nbest] == [text for text, _ in line['nbest']]
        assert not answer.failure and not answer.note


def test_pictures_make_a_difference(trained):
    """Else the comparison above would say nothing about them."""
    translate, clip_id = inferencer(trained, RGB), clip_ids()[0][0]
    with_pictures, without = translate(video(clip_id)), translate(stored(clip_id))
    assert abs(with_pictures.score - without.score) > 1e-6
    assert not with_pictures.note and 'from the keypoints alone' in without.note
    assert without.sample.rgb_failure


@pytest.mark.parametrize('name', [POSE, RGB])
def test_every_form_of_a_clip(trained, tmp_path, name):
    clip_id = clip_ids()[0][0]
    poses, path = stored(clip_id), video(clip_id)
    images = PyAVReader().read(path, np.arange(PyAVReader().info(path).num_frames))
    write_npz(tmp_path / f'{clip_id}.npz', poses)
    calls = []

    def estimator(frames, frame_rate=25.0):
        frames = list(frames)
        calls.append((len(frames), frames[0].shape, frames[0].dtype, frame_rate))
        return poses

    translate = inferencer(trained, name, pose=estimator)
    answer = translate(path, poses=poses)
    assert calls == []
    rate = PyAVReader().info(path).frame_rate
    for again in (translate(path), translate(images, frame_rate=rate)):
        assert (again.text, again.score) == (answer.text, pytest.approx(answer.score, abs=1e-6))
    assert calls == [(len(images), images[0].shape, np.uint8, rate)] * 2
    others = translate([path, images, path], poses=[tmp_path / f'{clip_id}.npz', poses, f'{STORE}#{clip_id}'])
    assert [other.clip_id for other in others] == [path, 'clip 1', f'{path} (2)']
    assert [other.score for other in others] == [pytest.approx(answer.score, abs=1e-6)] * 3
    (in_folder,) = translate([path], poses=tmp_path)
    assert in_folder.score == pytest.approx(answer.score, abs=1e-6)
    assert len(calls) == 2
    alone = translate([poses, tmp_path / f'{clip_id}.npz', f'{STORE}#{clip_id}'])
    assert len({round(other.score, 6) for other in alone}) == 1
    assert [other.clip_id for other in alone] == ['clip 0', str(tmp_path / f'{clip_id}.npz'), f'{STORE}#{clip_id}']


def test_keypoints_from_a_pose_format_file(trained, tmp_path):
    pytest.importorskip('pose_format', reason='needs pose-format: bash tools/install_pose.sh')
    clip_id = clip_ids()[0][0]
    poses, path = stored(clip_id), tmp_path / f'{clip_id}.pose'
    write_pose_file(path, poses)
    expected = inferencer(trained, POSE)(poses)
    beside = inferencer(trained, POSE, pose=str(path))(video(clip_id))  # --pose x.pose
    in_folder = inferencer(trained, POSE, pose=str(tmp_path))(video(clip_id))
    alone = inferencer(trained, POSE)(path)
    for answer in (beside, in_folder, alone):
        assert (answer.clip_id, answer.text) == (clip_id, expected.text)
        assert answer.score == pytest.approx(expected.score, abs=1e-4)
    path.write_bytes(b'no pose')
    with pytest.raises(ClipError, match=rf'{clip_id}\.pose: is no readable \.pose file'):
        inferencer(trained, POSE, pose=str(path))(video(clip_id))


def test_only_the_sampled_frames_are_decoded(trained, monkeypatch):
    asked, frames = [], PyAVReader.frames

    def recorded(self, path, indices):
        asked.append(np.asarray(indices).tolist())
        return frames(self, path, indices)

    monkeypatch.setattr(PyAVReader, 'frames', recorded)
    clip_id = clip_ids()[0][0]
    inferencer(trained, POSE)(video(clip_id))
    assert asked == []
    inferencer(trained, RGB)(video(clip_id))
    assert len(asked) == 1 and 1 <= len(asked[0]) < len(stored(clip_id)) // 2


def test_samples_timings_and_settings(trained):
    clip_id = clip_ids()[0][0]
    translate = inferencer(trained, POSE)
    answer = translate(video(clip_id), timings=True)
    assert answer.seconds.keys() == {'pipeline', 'model'} and all(value > 0 for value in answer.seconds.values())
    assert answer.to_line().keys() == {
        *('id', 'source', 'pred', 'score', 'nbest', 'task', 'lang', 'num_frames', 'seconds')
    }
    sample = translate(video(clip_id), return_samples=True)
    assert (sample.clip_id, sample.pred_text, sample.pred_score) == (clip_id, answer.text, answer.score)
    free = translate(video(clip_id), task='slt', lang='zh')
    assert (free.task, free.lang, len(free.nbest)) == ('slt', 'zh', 4)
    cfg, checkpoint = trained(POSE)
    with pytest.raises(DataError, match=r'SignInferencer: lang is not given.*Pass lang'):
        SignInferencer(cfg, checkpoint)(video(clip_id))
    with pytest.raises(DataError, match="task should be one of islr, cslr, slt, got 'words'"):
        translate(video(clip_id), task='words')


def test_names_of_configs_and_their_checkpoints(trained, checkout):
    cfg, checkpoint = trained(POSE)
    with pytest.raises(DataError, match=rf'{POSE}: no checkpoint was given, and no run of it is in work_dirs/{POSE}'):
        SignInferencer(POSE)
    with pytest.raises(DataError, match=r'stage3_toy-isl_pose: is no config.*Did you mean stage3_toy-islr_pose'):
        SignInferencer('stage3_toy-isl_pose')
    folder = checkout / 'work_dirs' / POSE / 'checkpoints'
    folder.mkdir(parents=True)
    (folder / 'best_dev_top1_per_instance.pth').symlink_to(checkpoint)
    by_name = SignInferencer(POSE, pose=STORE, device='cpu', lang='en')
    built = init_model(cfg, checkpoint, 'cpu')
    by_model = SignInferencer(built, pose=STORE, lang='en')
    assert by_model.model is built
    for key, value in by_name.model.state_dict().items():
        assert torch.equal(value, built.state_dict()[key])


def test_one_bad_clip_does_not_stop_the_others(trained, tmp_path):
    ids = [clip_id for clip_id, _ in clip_ids()[:2]]
    (tmp_path / 'text.mp4').write_text('no video')
    (tmp_path / 'empty.mp4').write_bytes(b'')
    for clip_id in ids:
        (tmp_path / f'{clip_id}.mp4').symlink_to((tmp_path.cwd() / video(clip_id)).resolve())
    (tmp_path / 'notes.md').write_text('is left alone')
    translate = inferencer(trained, POSE, batch_size=2)
    single = translate(video(ids[0]))
    answers = {answer.clip_id: answer for answer in translate(tmp_path)}
    assert sorted(answers) == sorted([*ids, 'empty', 'text'])
    assert answers[ids[0]].score == pytest.approx(single.score, abs=1e-6)
    assert f'{tmp_path}/empty.mp4: the file is empty (0 bytes).' in answers['empty'].failure
    assert 'text.mp4: cannot be read as a video' in answers['text'].failure
    assert (answers['text'].text, answers['text'].score, answers['text'].nbest) == ('', 0.0, [])
    listed = translate([video(ids[0]), 'gone.mp4', stored(ids[1]), 'gone.lmdb#a', f'{STORE}#gone'])
    assert [bool(answer.failure) for answer in listed] == [False, True, False, True, True]
    samples = translate([video(ids[0]), 'gone.mp4'], return_samples=True)
    assert samples[1].failure == listed[1].failure == 'gone.mp4: there is no such file or folder. Check the path.'


def test_videos_from_addresses(trained, monkeypatch):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    monkeypatch.setenv('no_proxy', '127.0.0.1')
    handler = functools.partial(Quiet, directory='data/toy/videos')
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        clip_id, root = clip_ids()[0][0], f'http://127.0.0.1:{server.server_port}'
        translate = inferencer(trained, RGB)
        urls = [f'{root}/{clip_id}.mp4', f'{root}/gone.mp4', 'ftp://127.0.0.1/a.mp4', 'http://[a']
        answers = translate(urls, poses=[STORE + f'#{clip_id}'] * 4, timings=True)
        small = inferencer(trained, RGB, download=DownloadLimits(max_bytes=1000))
        with pytest.raises(ClipError, match=rf'{clip_id}\.mp4: the video is larger than a download may be'):
            small(urls[0])
        assert translate(urls[0]).text == answers[0].text  # keypoints by the address's name
        server.shutdown()
    assert answers[0].score == pytest.approx(translate(video(clip_id)).score, abs=1e-6)
    assert answers[0].clip_id == clip_id and answers[0].seconds['download'] > 0
    assert [answer.failure[: len(url) + 1] for answer, url in zip(answers, urls, strict=True)][1:] == [
        f'{url}:' for url in urls[1:]
    ]


def test_errors_name_the_input(trained, tmp_path):
    def nobody(frames, frame_rate=25.0):
        raise ClipError('frames', 'nobody is seen.', 'Show the signer.')

    translate, good = inferencer(trained, POSE, pose=nobody), video(clip_ids()[0][0])
    (tmp_path / 'list.mp4').write_text(f"ffconcat version 1.0\nfile '{(tmp_path.cwd() / good).resolve()}'\n")
    (tmp_path / 'folder').mkdir()
    poses, frame = stored(clip_ids()[0][0]), np.zeros((8, 8, 3), np.uint8)
    for inputs, words in {
        str(tmp_path / 'list.mp4'): r'list\.mp4: is no video: a playlist',
        good: rf'{good}: nobody is seen\. Show the signer',
        'ftp://host/a.mp4': r'ftp://host/a\.mp4: ftp:// addresses are not read, only http and https',
        'data/toy/poses.lmdb': r'poses\.lmdb: is a packed store of many clips\. Name one',
        'a.npz': r'a\.npz: there is no such file',
    }.items():
        with pytest.raises(ClipError, match=words):
            translate(inputs)
    for array, words in (
        (frame, r'clip 0: expected frames as uint8 RGB \[T, H, W, 3\], got uint8 \[8, 8, 3\]'),
        (frame[None] / 255, r'got float64 \[1, 8, 8, 3\]'),
        (frame[None], r'clip 0: holds 1 frame; signing is movement\. Give the whole video'),
        (frame[:0][None], r'got uint8 \[1, 0, 8, 3\]'),
        (poses.select(np.arange(1)), 'clip 0: holds 1 frame; signing'),
    ):
        with pytest.raises(ClipError, match=words):
            translate(array)
    for wrong, words in (
        (3, 'clip 0: got int, expected a path'),
        ([], 'the list is empty'),
        (tmp_path / 'folder', 'the folder holds no videos and no pose files'),
    ):
        with pytest.raises(DataError, match=words):
            translate(wrong)
    with pytest.raises(DataError, match='1 were given for 2 clips'):
        translate([good, good], poses=[poses])
    with pytest.raises(DataError, match='was given for 2 clips'):
        translate([good, good], poses='a.npz')
    with pytest.raises(ClipError, match=rf'{good}: no poses in .*: looked for sign-test-00000 with \.npz'):
        translate(good, poses=tmp_path)


def test_other_errors_of_an_estimator_are_not_hidden(trained):
    def broken(frames, frame_rate=25.0):
        raise RuntimeError('a bug')

    good = video(clip_ids()[0][0])
    with pytest.raises(RuntimeError, match='a bug'):
        inferencer(trained, POSE, pose=broken)([good])
    with pytest.raises(
        DataError, match=r"pose='opnpose': the estimator .* cannot be made \(.*\)\. Install.*install_pose\.sh"
    ):
        inferencer(trained, POSE, pose='opnpose')(['gone.mp4', good])


def test_a_video_without_anybody(trained):
    def empty(frames, frame_rate=25.0):
        count = len(list(frames))
        return Poses(np.zeros((count, 133, 2), np.float32), np.zeros((count, 133), np.float32))

    good = video(clip_ids()[0][0])
    with pytest.raises(ClipError, match=rf'{good}: nobody was found in any of its \d+ frames'):
        inferencer(trained, POSE, pose=empty)(good)


def test_images_in_a_folder_are_one_clip(trained, tmp_path):
    from PIL import Image

    clip_id = clip_ids()[0][0]
    poses = stored(clip_id)
    images = PyAVReader().read(video(clip_id), np.arange(len(poses)))
    for i, image in enumerate(images):
        Image.fromarray(image).save(tmp_path / f'{i:03}.png')
    translate = inferencer(trained, RGB)
    answer = translate(tmp_path, poses=poses)
    assert answer.score == pytest.approx(translate(video(clip_id)).score, abs=1e-6)


@pytest.mark.parametrize('name', [POSE, RGB])
def test_the_rendered_video(trained, tmp_path, name):
    clip_id = clip_ids()[0][0]
    translate = inferencer(trained, name)
    with_video, without = translate([video(clip_id), stored(clip_id)], render_to=tmp_path)
    assert with_video.video == tmp_path / f'{clip_id}.mp4' and without.video.name == 'clip_1.mp4'
    count = PyAVReader().info(video(clip_id)).num_frames
    for answer in (with_video, without):
        assert PyAVReader().info(answer.video).num_frames == count
    drawn, plain = (PyAVReader().read(answer.video, [count // 2])[0] for answer in (with_video, without))
    wider = drawn.shape[1] - plain.shape[1]
    assert (wider > 100) == (name == RGB)  # the column of hands
    original = PyAVReader().read(video(clip_id), [count // 2])[0]
    assert np.abs(drawn[20, 20].astype(int) - original[8, 8]).max() < 20  # the frame itself, not a blank
    assert np.abs(drawn[20, 20].astype(int) - plain[20, 20]).max() > 20

"""Contact sheets, videos and the browse_dataset command, on made-up clips."""

import json
import runpy
import sys

import av
import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

from unisign.datasets import SignDataset
from unisign.structures import PARTS, ClipError, DataError, Poses, SignDataSample
from unisign.visualization import ClipView, SignVisualizer, draw_contact_sheet, palette
from unisign.visualization.browse import build_split, file_name, find_clips, find_in_all, view_clip
from unisign.visualization.clip_view import window_around
from unisign.visualization.video_io import read_frames, write_video


def made_up_poses(num_frames: int = 12) -> Poses:
    rng = np.random.default_rng(0)
    keypoints = rng.uniform(0.2, 0.8, (1, 133, 2)) + rng.normal(0, 0.01, (num_frames, 133, 2))
    return Poses(keypoints.astype(np.float32), np.ones((num_frames, 133), np.float32), (64, 48), 25.0)


def made_up_parts(num_frames: int) -> dict[str, np.ndarray]:
    return {name: np.full((num_frames, len(part), 3), 0.3, np.float32) for name, part in PARTS.items()}


def test_frames_survive_a_video_in_order(tmp_path):
    images = [np.full((48, 65, 3), 20 * number, np.uint8) for number in range(10)]
    write_video(tmp_path / 'deep' / 'clip.mp4', images, 25)
    frames = read_frames(tmp_path / 'deep' / 'clip.mp4', [7, 3, 99])
    assert sorted(frames) == [3, 7]
    assert {number: frame.mean() for number, frame in frames.items()} == pytest.approx({3: 60, 7: 140}, abs=3)
    assert frames[3].shape == (48, 64, 3)


def test_frames_of_a_phones_video_are_upright(tmp_path):
    with av.open(str(tmp_path / 'a.mp4'), 'w') as container:
        stream = container.add_stream('libx264', rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, 'yuv420p'
        stream.set_display_rotation(90)
        image = np.full((48, 64, 3), 200, np.uint8)
        image[:, :32] = 20  # the left half: below, when the picture is turned against the clock
        container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format='rgb24')))
        container.mux(stream.encode(None))
    (frame,) = read_frames(tmp_path / 'a.mp4', [0]).values()
    assert frame.shape == (64, 48, 3)
    assert frame[:24].mean() > 180 and frame[40:].mean() < 40


def test_what_is_no_video(tmp_path):
    (tmp_path / 'clip.mp4').write_text('nothing')
    for name in ('clip.mp4', 'none.mp4'):
        with pytest.raises(ClipError, match=f'{name}: cannot be read as a video'):
            read_frames(tmp_path / name, [0])


def test_view_maps_frames_back_to_the_clip():
    before = made_up_poses()
    view = ClipView('a', before, before.select(np.array([0, 5, 11])))
    assert [view.original(index) for index in range(3)] == [0, 5, 11]
    assert not view.changed
    part_of_a_video = before.select(np.arange(4, 12))  # start 4: its frames are numbered 4..11
    view = ClipView('a', part_of_a_video, part_of_a_video.select(np.array([1, 7])))
    assert [view.frame_id(index) for index in range(2)] == [5, 11]
    assert [view.original(index) for index in range(2)] == [1, 7]
    moved = Poses(before.keypoints + 0.1, before.scores)
    assert ClipView('a', before, moved).changed


def test_window_holds_every_point_and_keeps_the_pixels_square():
    before = made_up_poses()
    view = ClipView('a', before, before)
    window = window_around(view, [0, 3], 1.0)
    inside = window.move(np.delete(before.keypoints[[0, 3]], range(11, 23), axis=1))
    assert inside.min() >= 0
    assert inside.max() <= 1
    assert window.width * 64 == pytest.approx(window.height * 48)


def test_sheet_shows_the_video_and_a_row_only_where_something_changed():
    before = made_up_poses()
    frames = {number: np.full((48, 64, 3), (0, 200, 0), np.uint8) for number in range(12)}
    view = ClipView('a', before, before, made_up_parts(12), frames, 'Some words', {'task': 'slt'})
    sheet = draw_contact_sheet(view, columns=3, column_width=120)
    assert sheet.shape[1] == 3 * 132 + 12
    assert (sheet == (0, 160, 0)).all(axis=2).sum() > 3 * 1000  # the video, dimmed to 80 %
    moved = ClipView('a', before, Poses(before.keypoints + 0.05, before.scores), made_up_parts(12))
    assert draw_contact_sheet(moved, columns=3, column_width=120).shape[0] > sheet.shape[0] + 100


def test_visualizer_draws_skeleton_and_texts(tmp_path):
    visualizer = SignVisualizer(name='test', save_dir=str(tmp_path), vis_backends=[{'type': 'LocalVisBackend'}])
    sample = SignDataSample(metainfo={'clip_id': 'a'}, gt_text='tea', pred_text='coffee', pred_score=0.25)
    image, poses = np.zeros((90, 160, 3), np.uint8), made_up_poses()
    picture = visualizer.add_datasample('dev', image, sample, keypoints=poses.keypoints[0], scores=poses.scores[0])
    assert picture.shape[0] > 90 + 3 * 12
    assert picture.shape[1] == 160
    assert picture[:90].max() > 200
    assert (picture[90:] == palette.ACCENT).all(axis=2).any()
    assert len(list(tmp_path.rglob('*.png'))) == 1
    visualizer.add_datasample('dev', image, out_file=tmp_path / 'sub' / 'frame.png')
    assert np.array_equal(np.asarray(Image.open(tmp_path / 'sub' / 'frame.png')), image)


@pytest.fixture
def small_dataset(tmp_path):
    """Three clips with .npz poses, one of them with a video, one without a pose file; and a config over them."""
    poses = made_up_poses(8)
    for name in 'ab':
        np.savez(tmp_path / f'{name}.npz', keypoints=poses.keypoints, scores=poses.scores)
    write_video(tmp_path / 'a.mp4', [np.full((48, 64, 3), 90, np.uint8)] * 8, 25)
    lines = [
        {'id': 'clip/a', 'poses': 'a.npz', 'video': 'a.mp4', 'text': '你好', 'gloss': ['YOU', 'GOOD'], 'lang': 'zh'},
        {'id': 'b', 'poses': 'b.npz', 'video': 'gone.mp4', 'text': 'Hello.', 'lang': 'en', 'signer': 's1'},
        {'id': 'c', 'poses': 'gone.npz', 'text': 'Bye.', 'lang': 'en'},
    ]
    (tmp_path / 'train.jsonl').write_text('\n'.join(map(json.dumps, lines)), 'utf-8')
    (tmp_path / 'config.py').write_text(
        f"""
default_scope = 'unisign'
pipeline = [dict(type='LoadPoses'), dict(type='NormalizeParts'), dict(type='PackSignInputs')]
train_dataloader = dict(dataset=dict(
    type='SignDataset', ann_file='train.jsonl', data_root={str(tmp_path)!r}, task='slt', pipeline=pipeline))
"""
    )
    return tmp_path


def test_view_of_a_dataset(small_dataset):
    config = Config.fromfile(small_dataset / 'config.py')
    (dataset,) = build_split(config, 'train')
    view = view_clip(dataset, 0, columns=3)
    assert (view.clip_id, view.text, view.facts['gloss']) == ('clip/a', '你好', 'YOU GOOD')
    assert sorted(view.frames) == [0, 4, 7]
    assert set(view.parts) == set(PARTS)
    assert 'gone.mp4' in view_clip(dataset, 1).problem
    with pytest.raises(ClipError):
        view_clip(dataset, 2)
    assert find_clips(dataset, 2) == [0, 2]
    assert find_clips(dataset, 2, ['b']) == [1]
    with pytest.raises(DataError, match='has no clip nothing'):
        find_clips(dataset, 2, ['nothing'])
    with pytest.raises(DataError, match=r'has no val_dataloader\. It has: train'):
        build_split(config, 'val')
    assert file_name('a/b c.1') == 'a_b_c.1'


def test_browse_command(small_dataset, repo, monkeypatch, capsys):
    def run(*options):
        monkeypatch.setattr(sys, 'argv', ['browse_dataset.py', str(small_dataset / 'config.py'), *options])
        with pytest.raises(SystemExit) as stop:
            runpy.run_path(str(repo / 'tools' / 'data' / 'browse_dataset.py'), run_name='__main__')
        return stop.value.code, capsys.readouterr()

    out = small_dataset / 'out'
    code, output = run('--out', str(out), '--columns', '2')
    assert code == 1  # the clip without poses
    assert 'train: 3 clips, drawing 3' in output.out
    assert 'gone.npz' in output.err
    assert sorted(path.name for path in out.iterdir()) == ['b.png', 'clip_a.png']
    code, output = run('--out', str(out), '--format', 'mp4', '--clip-ids', 'clip/a')
    assert code == 0
    assert len(read_frames(out / 'clip_a.mp4', range(20))) == 8
    code, output = run('--split', 'test')
    assert (code, output.out) == (1, '')
    assert 'has no test_dataloader' in output.err
    code, output = run('--checkpoint', 'some.pth')
    assert code == 1
    assert 'has no model' in output.err


def test_datasets_that_are_mixed_are_drawn_one_by_one(small_dataset, repo, monkeypatch, capsys):
    lines = (small_dataset / 'train.jsonl').read_text('utf-8').splitlines()
    (small_dataset / 'other.jsonl').write_text(lines[0] + '\n', 'utf-8')
    config = small_dataset / 'config.py'
    config.write_text(
        config.read_text()
        + """
first = dict(train_dataloader['dataset'], name='first')
second = dict(first, ann_file='other.jsonl', name='second')
train_dataloader = dict(dataset=dict(type='ConcatSignDataset', datasets=[first, second]))
"""
    )
    out = small_dataset / 'out'
    options = ['--out', str(out), '--columns', '1', '--clip-ids', 'clip/a', 'b']
    monkeypatch.setattr(sys, 'argv', ['browse_dataset.py', str(config), *options])
    with pytest.raises(SystemExit) as stop:
        runpy.run_path(str(repo / 'tools' / 'data' / 'browse_dataset.py'), run_name='__main__')
    assert stop.value.code == 0, capsys.readouterr().err
    drawn = sorted(str(path.relative_to(out)) for path in out.rglob('*.png'))
    assert drawn == ['first/b.png', 'first/clip_a.png', 'second/clip_a.png']
    datasets = build_split(Config.fromfile(config), 'train')
    assert [indices for _, indices in find_in_all(datasets, 2)] == [[0, 2], [0]]
    with pytest.raises(DataError, match=r'train\.jsonl, .*other\.jsonl: have no clip d, e'):
        find_in_all(datasets, 2, ['d', 'b', 'e'])


def test_hands_of_a_clip_with_the_frames_they_were_cut_from(toy_tiny_videos):
    pipeline = [
        dict(type='LoadPoses'),
        dict(type='SampleHandFrames', ratio=0.1),
        dict(type='LoadHandCrops', size=16),
        dict(type='NormalizeParts'),
        dict(type='PackSignInputs'),
    ]
    dataset = SignDataset(str(toy_tiny_videos / 'annotations/islr_dev.jsonl'), 'islr', pipeline, test_mode=True)
    view = view_clip(dataset, 0, columns=0)
    sampled = {int(number) for hand in view.hands.values() for number in hand.video_frames}
    assert sampled
    assert set(view.frames) == sampled
    assert set(view.packed['inputs']['hands']) == {'left', 'right'}
    whole = read_frames(dataset.describe(0)['video'], sampled)
    assert all(np.array_equal(whole[number], frame) for number, frame in view.frames.items())
    sheet = draw_contact_sheet(view, columns=3, column_width=200)
    view.hands = {}
    assert sheet.shape[0] > draw_contact_sheet(view, columns=3, column_width=200).shape[0] + 200

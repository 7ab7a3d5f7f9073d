"""Packed hand windows give the crops of the video, and packing them survives bad clips and interruptions."""

import io
import json
import pickle

import numpy as np
import pytest
from PIL import Image
from synthetic_videos import moving_images, write_h264

from unisign.datasets import SignDataset, hand_windows
from unisign.datasets.transforms.hand_loading import LoadHandCrops
from unisign.datasets.window_packing import pack_hand_windows
from unisign.stores import PackedHandWindows, PackedPoseStore, PackedPoseWriter, PackedWindowWriter, window_format
from unisign.stores.window_format import ClipWindows, EncodedWindows, Window, encode_windows
from unisign.structures import ClipError, DataError

BEGINNINGS = {'webp': b'RIFF', 'png': b'\x89PNG', 'jpeg': b'\xff\xd8\xff'}


def read(path, epoch, index, ratio=0.2, **load):
    steps = [
        {'type': 'LoadPoses'},
        {'type': 'SampleFrames', 'sampler': {'type': 'RandomFrameSampler'}, 'max_frames': 25},
        {'type': 'SampleHandFrames', 'ratio': ratio},
        {'type': 'LoadHandCrops', **load},
    ]
    return SignDataset(str(path), 'slt', steps)[epoch, index]


@pytest.mark.parametrize('coding', BEGINNINGS)
def test_decoded_as_pillow_decodes(coding: str) -> None:
    rough = np.random.default_rng(0).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    image = np.asarray(Image.fromarray(rough).resize((33, 40)))
    clip = ClipWindows((100, 100), 1.2, 0.3, {'left': [Window(5, 1, 2, image)], 'right': []})
    data = encode_windows(clip, coding)
    (window,) = EncodedWindows(data, 'clip').read('left', np.array([5]))
    with Image.open(io.BytesIO(data[data.index(BEGINNINGS[coding]) :])) as picture:
        assert (window.image == np.asarray(picture.convert('RGB'))).all()
    assert window.image.shape == (40, 33, 3)


def test_raw_windows_hold_the_pixels() -> None:
    image = np.arange(2 * 5 * 3, dtype=np.uint8).reshape(2, 5, 3)
    windows = [Window(5, 1, 2, image), Window(7, 0, 0, image[:, :0])]
    data = encode_windows(ClipWindows((100, 100), 1.2, 0.3, {'left': windows, 'right': []}), 'raw')
    assert data.endswith(b'RAW\0' + bytes([5, 0, 0, 0, 2, 0, 0, 0]) + bytes(range(30)))
    found = EncodedWindows(data, 'clip').read('left', np.array([5, 7]))
    assert (found[0].image == image).all()
    assert found[1].image.shape == (0, 0, 3)
    damaged = bytearray(data)
    damaged[-1] += 1
    with pytest.raises(ClipError, match='the image of frame 5 has another checksum'):
        EncodedWindows(bytes(damaged), 'clip').read('left', np.array([5]))


def test_other_pictures_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenCV reads many formats; only those that are written here are wanted, whatever a store holds."""
    bmp = io.BytesIO()
    Image.new('RGB', (4, 4)).save(bmp, 'bmp')
    clip = ClipWindows((9, 9), 1.2, 0.3, {'left': [Window(3, 0, 0, np.zeros((4, 4, 3), np.uint8))], 'right': []})
    for other in (bmp.getvalue(), b'RAW\0' + bytes(7), b'RAW\0' + bytes([2, 0, 0, 0, 2, 0, 0, 0]) + bytes(11)):
        monkeypatch.setattr(window_format, '_encode_image', lambda image, coding, other=other: other)
        with pytest.raises(ClipError, match='the image of frame 3 is none of webp, png, jpeg, raw'):
            EncodedWindows(encode_windows(clip), 'clip').read('left', np.array([3]))


@pytest.fixture
def packed(hands_corpus):
    out = hands_corpus.parent / 'hands.lmdb'
    report = pack_hand_windows([hands_corpus], out, coding='png')
    assert (report.clips, report.frames, report.failed) == (4, 4 * 2 * 27, {})
    return out


@pytest.mark.parametrize('coding', ['png', 'webp', 'raw'])
def test_crops_from_windows_are_those_of_the_video_bit_for_bit(hands_corpus, coding, monkeypatch):
    monkeypatch.setattr(hand_windows, '_BOXES', 3)  # a hand's crops come in pieces
    out = hands_corpus.parent / f'{coding}.lmdb'
    pack_hand_windows([hands_corpus], out, coding=coding)
    videos = [(epoch, index, read(hands_corpus, epoch, index)['hands']) for epoch in range(3) for index in range(4)]
    for video in hands_corpus.parent.glob('*.mp4'):
        video.unlink()
    sampled = set()
    for epoch, index, expected in videos:
        hands = read(hands_corpus, epoch, index, windows=str(out))['hands']
        for side in ('left', 'right'):
            assert len(hands[side]['frames'])
            sampled.add((index, side, tuple(hands[side]['frames'])))
            for name in ('frames', 'images', 'keypoints'):
                np.testing.assert_array_equal(hands[side][name], expected[side][name])
    assert len(sampled) > 20  # other samples need other sides of the boxes


def test_boxes_that_stick_out_of_the_frame_are_among_them(hands_corpus, packed):
    store = PackedHandWindows(packed)
    shapes = {window.image.shape for window in store.read('clip_0', 'left', np.arange(3, 30))}
    assert len(shapes) > 3
    hands = read(hands_corpus, 0, 0, ratio=1.0)['hands']
    assert any((image[:3] == 0).all() or (image[:, :3] == 0).all() for image in hands['left']['images'])


def test_jpeg_is_smaller_and_close(hands_corpus, packed):
    small = hands_corpus.parent / 'small.lmdb'
    pack_hand_windows([hands_corpus], small, coding='jpeg')
    first = read(hands_corpus, 0, 0, windows=str(small))['hands']['left']['images'].astype(int)
    second = read(hands_corpus, 0, 0, windows=str(packed))['hands']['left']['images'].astype(int)
    assert first.shape == second.shape
    assert 0 < np.abs(first - second).mean() < 6
    store, other = PackedHandWindows(small), PackedHandWindows(packed)
    assert store.lengths == other.lengths == {f'clip_{i}': 54 for i in range(4)}


def test_a_larger_side_or_other_poses_than_packed_are_found(hands_corpus, packed):
    failure = read(hands_corpus, 0, 0, ratio=1.0, windows=str(packed), scale=2.0)['data_samples'].failure
    assert 'sticks out of its packed window' in failure
    assert 'pack the hand windows again' in failure
    store = PackedHandWindows(packed)
    with pytest.raises(ClipError, match=r'left hand has no packed window for frame 2; .* score threshold of 0\.3'):
        store.read('clip_0', 'left', np.array([5, 2]))
    with pytest.raises(ClipError, match=r'hands\.lmdb#clip_9: the store has no hand windows of this clip'):
        store.frame_size('clip_9')
    assert store.frame_size('clip_0') == (64, 48)
    with pytest.raises(DataError, match='no such store of packed hand windows'):
        PackedHandWindows(packed.with_name('gone.lmdb')).frame_size('clip_0')


def test_float16_poses_still_fit(hands_corpus, packed):
    poses = PackedPoseStore(hands_corpus.parent / 'poses.lmdb')
    with PackedPoseWriter(hands_corpus.parent / 'half.lmdb', dtype='float16') as writer:
        for key in poses.lengths:
            writer.write(key, poses.read(key))
    hands_corpus.write_text(hands_corpus.read_text().replace('poses.lmdb', 'half.lmdb'))
    for index in range(4):
        assert 'hands' in read(hands_corpus, 0, index, ratio=1.0, windows=str(packed))


def test_a_damaged_window_is_named(packed, hands_corpus):
    data = bytearray(packed.read_bytes())
    place = data.rindex(b'IDAT')
    data[place + 20] ^= 0xFF
    packed.write_bytes(data)
    failures = [
        item['data_samples'].failure
        for item in (read(hands_corpus, 0, i, ratio=1.0, windows=str(packed)) for i in range(4))
        if 'data_samples' in item
    ]
    assert len(failures) == 1
    assert 'the packed hand windows are damaged: the image of frame' in failures[0]


def test_the_store_travels_to_workers(packed):
    step = LoadHandCrops(windows=packed)
    step.windows.frame_size('clip_0')
    assert pickle.loads(pickle.dumps(step)).windows.frame_size('clip_0') == (64, 48)
    assert list(step.windows.keys()) == [f'clip_{i}' for i in range(4)]
    assert 'clip_3' in step.windows
    assert len(step.windows) == 4


def test_bad_videos_are_reported_and_passed(hands_corpus):
    (hands_corpus.parent / 'clip_1.mp4').unlink()
    write_h264(hands_corpus.parent / 'clip_2.mp4', moving_images(20))
    out = hands_corpus.parent / 'hands.lmdb'
    report = pack_hand_windows([hands_corpus], out, max_failed_share=0.5, workers=1)
    assert sorted(PackedHandWindows(out).keys()) == ['clip_0', 'clip_3']
    assert 'clip_1.mp4: there is no such video' in report.failed['clip_1']
    assert 'clip_2.mp4: the video is shorter than the poses' in report.failed['clip_2']


def test_packing_goes_on_where_it_was_interrupted(hands_corpus, monkeypatch):
    out = hands_corpus.parent / 'hands.lmdb'
    seen = []

    def interrupted(clips, left):
        for number, clip in enumerate(clips):
            if left == 4 and number == 2:
                raise KeyboardInterrupt
            seen.append(clip[0])
            yield clip

    with pytest.raises(KeyboardInterrupt):
        pack_hand_windows([hands_corpus], out, progress=interrupted)
    assert not out.exists()
    with pytest.raises(DataError, match=r'hands\.lmdb\.part: was begun with other settings'):
        pack_hand_windows([hands_corpus], out, scale=1.5)
    report = pack_hand_windows([hands_corpus], out, progress=interrupted)
    assert seen == ['clip_0', 'clip_1', 'clip_2', 'clip_3']
    assert report.clips == 4
    assert list(PackedHandWindows(out).keys()) == seen
    assert not out.with_name('hands.lmdb.part').exists()


def test_too_many_bad_clips_keep_the_part_and_repaired_ones_are_added(hands_corpus):
    video, out = hands_corpus.parent / 'clip_1.mp4', hands_corpus.parent / 'hands.lmdb'
    data = video.read_bytes()
    video.write_bytes(data[:300])
    with pytest.raises(DataError, match=r'the hands of 1 of 4 clips cannot be packed .*clip_1.*hands\.lmdb\.part'):
        pack_hand_windows([hands_corpus], out)
    assert not out.exists()
    video.write_bytes(data)
    tried = []
    pack_hand_windows([hands_corpus], out, progress=lambda clips, left: (tried.append(left), clips)[1])
    assert tried == [1]
    assert len(PackedHandWindows(out)) == 4


def test_the_writer_refuses_what_cannot_be_read_back(tmp_path):
    with PackedWindowWriter(tmp_path / 'w.lmdb', {}) as writer:
        writer.write('a', 1, b'x')
        for key in ('', 'x\ny', 'k' * 505):
            with pytest.raises(DataError, match='cannot be used'):
                writer.write(key, 1, b'x')
        with pytest.raises(DataError, match="the key 'a' was written already"):
            writer.write('a', 1, b'x')
        writer.finish()
    with pytest.raises(RuntimeError, match='inside `with PackedWindowWriter'):
        PackedWindowWriter(tmp_path / 'x.lmdb', {}).finish()
    with pytest.raises(ClipError, match='no packed hand windows of a known version'):
        PackedHandWindows(tmp_path / 'w.lmdb').frame_size('a')


def test_wrong_arguments(hands_corpus):
    with pytest.raises(DataError, match=r'Call it NAME\.lmdb'):
        pack_hand_windows([hands_corpus], 'hands')
    with pytest.raises(DataError, match="unknown coding 'gif'"):
        pack_hand_windows([hands_corpus], 'hands.lmdb', coding='gif')
    with pytest.raises(DataError, match=r'scale should be .*, got -1'):
        pack_hand_windows([hands_corpus], 'hands.lmdb', scale=-1)


@pytest.mark.parametrize(
    ('option', 'message'),
    [(('--reader', 'Decord'), "error: 'Decord' .*did you mean 'DecordReader'"), (('--workers', '-1'), '2')],
)
def test_wrong_options_of_the_command(hands_corpus, run_tool, capsys, option, message):
    with pytest.raises(SystemExit, match=message):
        run_tool('data/extract_hand_crops.py', hands_corpus, 'hands.lmdb', *option)
    assert option[0] != '--workers' or '-1 is below 0' in capsys.readouterr().err


def test_the_command(hands_corpus, run_tool, capsys):
    (hands_corpus.parent / 'clip_2.mp4').unlink()
    out = hands_corpus.parent / 'hands.lmdb'
    with pytest.raises(SystemExit, match=r'error: .*the hands of 1 of 4 clips'):
        run_tool('data/extract_hand_crops.py', hands_corpus, out, '--workers', 0)
    run_tool('data/extract_hand_crops.py', hands_corpus, out, '--workers', 0, '--max-failed-share', 0.5)
    printed = capsys.readouterr().out
    assert 'hands.lmdb: 3 clips, 162 windows' in printed
    assert 'left out: clip_2: ' in printed
    assert json.loads(out.with_name('hands.lmdb.failed.jsonl').read_text())['id'] == 'clip_2'

"""Every reader gives the frames that decoding in order gives."""

import av
import numpy as np
import pytest
from av.video.frame import PictureType
from PIL import Image
from synthetic_videos import decode_in_order, moving_images, write_h264

from unisign.datasets.video_readers import PyAVReader, VideoInfo, open_video, pyav_reader
from unisign.datasets.video_readers.orientation import frame_orientation
from unisign.registry import VIDEO_READERS
from unisign.structures import ClipError

FILE_READERS = ('PyAVReader', 'DecordReader', 'VideoFiles')
ENCODINGS = {
    'b_frames': 'bframes=3:b-pyramid=normal:keyint=12:min-keyint=12:scenecut=0',
    'open_groups': 'bframes=3:open-gop=1:keyint=12:min-keyint=12:scenecut=0',
    'one_keyframe': 'bframes=2:keyint=999:scenecut=0',
    'keyframes_only': 'keyint=1',
}


def build(name):
    if name == 'DecordReader':
        pytest.importorskip('decord', reason='decord has wheels for x86-64 only')
    return VIDEO_READERS.build({'type': name})


def picture_types(path):
    with av.open(str(path)) as container:
        return {PictureType(frame.pict_type).name for frame in container.decode(video=0)}


@pytest.fixture(scope='module')
def videos(tmp_path_factory):
    """Encoding -> (path, all frames); 40 frames."""
    folder = tmp_path_factory.mktemp('videos')
    paths = {name: write_h264(folder / f'{name}.mp4', moving_images(40), x264=x264) for name, x264 in ENCODINGS.items()}
    return {name: (path, decode_in_order(path)) for name, path in paths.items()}


def check_against(reader, path, truth):
    """Sparse, single, unsorted and repeated reads."""
    count = len(truth)
    assert reader.info(path).num_frames == count
    rng = np.random.default_rng(0)
    asked = [rng.choice(count, size=max(1, count // 10), replace=False) for _ in range(6)]
    asked += [np.array([i]) for i in range(0, count, 3)]
    asked += [np.array([count - 1, 0, 7, 7]), np.arange(count)]
    for indices in asked:
        frames = reader.read(path, indices)
        assert frames.dtype == np.uint8
        np.testing.assert_array_equal(frames, truth[indices], err_msg=str(indices))
    assert reader.read(path, []).shape == (0, *truth.shape[1:])


@pytest.mark.parametrize('name', FILE_READERS)
@pytest.mark.parametrize('encoding', ENCODINGS)
def test_h264_frames_are_the_true_ones(videos, name, encoding):
    check_against(build(name), *videos[encoding])


def test_the_clips_have_what_makes_seeking_hard(videos):
    assert picture_types(videos['b_frames'][0]) == picture_types(videos['open_groups'][0]) == {'I', 'P', 'B'}
    assert len(np.unique(videos['b_frames'][1], axis=0)) == 40


@pytest.mark.slow
@pytest.mark.parametrize('name', FILE_READERS)
@pytest.mark.parametrize('clip', ['yo_001', 'hoy_001'])
def test_hevc_frames_are_the_true_ones(shared, name, clip):
    path = shared / f'data/msl150/{clip}.mp4'
    truth, reader = decode_in_order(path), build(name)
    rng = np.random.default_rng(0)
    for indices in ([13], [11, 12, 14, 29], rng.choice(len(truth), len(truth) // 10, replace=False)):
        np.testing.assert_array_equal(reader.read(path, indices), truth[indices])


def test_a_hevc_frame_where_random_access_is_three_late(shared):
    path = shared / 'data/msl150/yo_001.mp4'
    frame = PyAVReader().read(path, [13])[0]
    with av.open(str(path)) as container:
        decoded = container.decode(video=0)
        truth = [next(decoded).to_ndarray(format='rgb24') for _ in range(17)]
    assert [i for i, image in enumerate(truth) if np.array_equal(image, frame)] == [13]


def test_a_jump_that_leads_too_far_ends_in_reading_from_the_start(videos, monkeypatch):
    """As if the container's seeking were wrong: every jump lands on the file's last keyframe."""
    path, truth = videos['open_groups']
    real = open_video

    class Wrong:
        def __init__(self, *args):
            self.container = real(*args)

        def __enter__(self):
            return self

        def __exit__(self, *args):
            self.container.close()

        def __getattr__(self, name):
            return getattr(self.container, name)

        def seek(self, offset, stream, backward):
            self.container.seek(10**9, stream=stream, backward=True)

    monkeypatch.setattr('unisign.datasets.video_readers.pyav_reader.open_video', Wrong)
    np.testing.assert_array_equal(PyAVReader().read(path, [2, 15, 20]), truth[[2, 15, 20]])


@pytest.fixture
def decoded_packets(monkeypatch):
    """For each run of packets that ``PyAVReader`` decodes, the times of its packets and of the frames they gave."""
    runs, decode = [], pyav_reader._decode

    def noting(stream, packets, wanted):
        read, given = [], []
        runs.append((read, given))
        for frame in decode(stream, (read.append(packet.pts) or packet for packet in packets), wanted):
            given.append(frame.pts)
            yield frame

    monkeypatch.setattr(pyav_reader, '_decode', noting)
    return runs


@pytest.mark.parametrize('encoding', ['b_frames', 'open_groups', 'keyframes_only'])
def test_a_jump_reaches_the_last_keyframe_before_the_frame(videos, decoded_packets, encoding):
    path, truth = videos[encoding]
    reader = PyAVReader()
    table = reader._table(path)
    for index in range(len(truth)):
        decoded_packets.clear()
        reader.read(path, [0, index])
        key = table.key_times[table.key_times <= table.times[index]].max()
        (start, *_), _ = decoded_packets[-1]
        assert start == key


@pytest.mark.slow
def test_a_jump_reaches_the_last_keyframe_of_a_phones_video(shared, decoded_packets):
    """Asked for the time at which it is shown, FFmpeg goes to the one before (16 frames earlier)."""
    reader, path = PyAVReader(), shared / 'data/msl150/yo_001.mp4'
    reader.read(path, [0, 20, 36, 54])
    assert [read[0] for read, _ in decoded_packets] == reader._table(path).key_times.tolist()


def test_frames_that_serve_no_other_are_not_decoded(videos, decoded_packets):
    path, truth = videos['b_frames']
    reader = PyAVReader()
    np.testing.assert_array_equal(reader.read(path, [0, 11]), truth[[0, 11]])
    (read, given) = decoded_packets[-1]
    assert len(given) <= 0.7 * 12 and len(read) >= 12


def test_what_is_known_of_a_video(videos):
    path = videos['b_frames'][0]
    assert PyAVReader().info(path) == VideoInfo(40, 25.0, (64, 48), 40)
    info = build('DecordReader').info(path)
    assert (info.num_frames, info.frame_rate, info.size) == (40, 25.0, (64, 48))


@pytest.mark.parametrize('mirrored', [False, True])
@pytest.mark.parametrize('turned', [90, 180, 270])
def test_a_picture_is_turned_as_the_file_says(tmp_path, turned, mirrored):
    """As a phone writes: what is upright lies in the file, and a note says how to turn it."""
    path = write_h264(tmp_path / 'phone.mp4', moving_images(6), turned=turned, mirrored=mirrored)
    truth = np.rot90(decode_in_order(path), turned // 90, axes=(1, 2))
    truth = truth[:, :, ::-1] if mirrored else truth
    assert truth.shape[1:3] == ((48, 64) if turned == 180 else (64, 48))
    for name in ('PyAVReader', 'VideoFiles'):
        reader = build(name)
        assert reader.info(path).size == truth.shape[2:0:-1]
        np.testing.assert_array_equal(reader.read(path, [4, 0, 2]), truth[[4, 0, 2]])
        assert reader.read(path, []).shape == (0, *truth.shape[1:])
    with pytest.raises(ClipError, match=r'phone\.mp4: its picture is to be turned or mirrored.*Use PyAVReader'):
        build('DecordReader').info(path)


def test_a_picture_may_be_mirrored_without_being_turned(tmp_path):
    path = write_h264(tmp_path / 'front.mp4', moving_images(3), mirrored=True)
    np.testing.assert_array_equal(PyAVReader().read(path, [0, 2]), decode_in_order(path)[[0, 2], :, ::-1])


@pytest.mark.parametrize('angle', [0, 90, 180, -90])
def test_a_frame_with_a_note_of_unknown_kind_is_still_turned(angle):
    class Notes:
        def __getitem__(self, name):
            raise ValueError('99 is not a valid Type')

    class Frame:
        side_data, rotation = Notes(), angle

    image = moving_images(1)[0]
    np.testing.assert_array_equal(frame_orientation(Frame()).shown(image), np.rot90(image, angle // 90))


@pytest.mark.parametrize('suffix', ['mp4', 'mkv'])
def test_frames_that_come_unevenly(tmp_path, suffix):
    """As phones record in bad light: 10 frames every 33 ms, then 10 every 100; the header of an mkv says 25."""
    times = [33 * i for i in range(10)] + [330 + 100 * i for i in range(10)]
    images = moving_images(20)
    path = write_h264(tmp_path / f'phone.{suffix}', images, times=times)
    info, truth = PyAVReader().info(path), decode_in_order(path)
    assert info.num_frames == len(truth) == 20
    assert info.frame_rate == pytest.approx(19 / 1.23, rel=1e-3)
    np.testing.assert_allclose(info.times, np.array(times) / 1000, atol=1e-3)
    np.testing.assert_array_equal(PyAVReader().read(path, [0, 7, 11, 19]), truth[[0, 7, 11, 19]])


@pytest.mark.parametrize('suffix', ['mp4', 'mkv'])
def test_frames_that_come_evenly_have_no_times(tmp_path, suffix):
    path = write_h264(tmp_path / f'a.{suffix}', moving_images(20), times=[round(i * 1000 / 30) for i in range(20)])
    info = PyAVReader().info(path)  # rounded to milliseconds, as mkv does
    assert info.times is None and info.frame_rate == pytest.approx(30, rel=0.01)


@pytest.mark.parametrize('name', FILE_READERS)
def test_files_that_cannot_be_read(videos, tmp_path, name):
    reader, path = build(name), videos['b_frames'][0]
    with pytest.raises(ClipError, match=r'gone\.mp4: there is no such video\. Check "video"'):
        reader.info(tmp_path / 'gone.mp4')
    (tmp_path / 'text.mp4').write_text('no video')
    with pytest.raises(ClipError, match=r'text\.mp4: cannot be read as a video'):
        reader.info(tmp_path / 'text.mp4')
    (tmp_path / 'cut.mp4').write_bytes(path.read_bytes()[:2000])  # its index was at the end
    with pytest.raises(ClipError, match=r'cut\.mp4: cannot be read as a video .*cut off or damaged'):
        reader.read(tmp_path / 'cut.mp4', [0])
    with pytest.raises(ClipError, match=r'b_frames\.mp4: frame 40 was asked for, and the video has 40 frames'):
        reader.read(path, [3, 40])
    with pytest.raises(ClipError, match='frame -1 was asked for'):
        reader.read(path, [-1])
    with pytest.raises(ValueError, match='sorted, each once'):
        list(reader.frames(path, np.array([3, 3])))


def test_a_file_that_may_not_be_read_is_not_called_damaged(videos, monkeypatch):
    def refuse(path):
        raise PermissionError(13, 'Permission denied')

    monkeypatch.setattr('unisign.datasets.video_readers.pyav_reader.open_video', refuse)
    with pytest.raises(ClipError, match=r'cannot be read as a video \(Permission denied\)\. Check who may read it'):
        PyAVReader().info(videos['b_frames'][0])


def test_a_video_cut_off_behind_its_index_keeps_its_first_frames(tmp_path):
    path = write_h264(tmp_path / 'whole.mp4', moving_images(40), faststart=True)
    truth, data = decode_in_order(path), path.read_bytes()
    cut = tmp_path / 'cut.mp4'
    cut.write_bytes(data[: len(data) * 3 // 4])
    reader = PyAVReader()
    info = reader.info(cut)
    assert 15 < info.num_frames < 40 == info.announced_frames
    np.testing.assert_array_equal(reader.read(cut, [1, 9]), truth[[1, 9]])
    with pytest.raises(ClipError, match=rf'has {info.num_frames} frames \(its header announces 40: it is cut off\)'):
        reader.read(cut, [39])


def test_damage_in_the_middle_is_never_another_frame(tmp_path):
    path = write_h264(tmp_path / 'whole.mp4', moving_images(40), faststart=True)
    truth, data = decode_in_order(path), bytearray(path.read_bytes())
    start = data.index(b'mdat')
    middle = (start + len(data)) // 2
    data[middle : middle + 400] = bytes(400)
    (tmp_path / 'bad.mp4').write_bytes(data)
    reader, found = PyAVReader(), 0
    for index in range(40):
        try:
            frame = reader.read(tmp_path / 'bad.mp4', [index])[0]
        except ClipError as error:
            assert 'decoding did not reach frame' in str(error)
            continue
        found += int(np.abs(truth.astype(int) - frame).mean(axis=(1, 2, 3)).argmin() == index)
    assert found >= 20


class TestImageFolder:
    def folder(self, tmp_path, names, size=(32, 24)):
        folder = tmp_path / 'frames'
        folder.mkdir()
        for i, name in enumerate(names):
            Image.new('RGB', size, (i, 2 * i, 255)).save(folder / name)
        return folder

    def test_frames_in_the_order_of_their_numbers(self, tmp_path):
        folder = self.folder(tmp_path, [f'img_{i}.png' for i in range(8, 13)])  # img_8, .., img_12: no zeros in front
        (folder / 'notes.txt').write_text('no image')
        reader = VIDEO_READERS.build({'type': 'ImageFolderReader', 'frame_rate': 30})
        assert reader.info(folder) == VideoInfo(5, 30, (32, 24))
        assert reader.read(folder, [4, 0, 2])[:, 0, 0].tolist() == [[4, 8, 255], [0, 0, 255], [2, 4, 255]]
        assert VIDEO_READERS.build({'type': 'VideoFiles'}).read(folder, [3])[0, 0, 0].tolist() == [3, 6, 255]

    def test_a_gap_would_shift_every_later_frame(self, tmp_path):
        folder = self.folder(tmp_path, ['000.png', '001.png', '004.png'])
        with pytest.raises(ClipError, match=r'2 images are missing between 000\.png and 004\.png \(first: number 2\)'):
            VIDEO_READERS.build({'type': 'ImageFolderReader'}).info(folder)

    def test_what_else_is_refused(self, tmp_path):
        reader = VIDEO_READERS.build({'type': 'ImageFolderReader'})
        with pytest.raises(ClipError, match='no such video'):
            reader.info(tmp_path / 'gone')
        (tmp_path / 'empty').mkdir()
        with pytest.raises(ClipError, match='holds no images'):
            reader.info(tmp_path / 'empty')
        folder = self.folder(tmp_path, ['0.png', '1.png'])
        with pytest.raises(ClipError, match='frame 2 was asked for, and the video has 2 frames'):
            reader.read(folder, [2])
        (folder / '1.png').write_bytes((folder / '1.png').read_bytes()[:40])
        with pytest.raises(ClipError, match=r'1\.png: cannot be read as an image'):
            reader.read(folder, [1])
        Image.new('RGB', (10, 10)).save(folder / '1.png')
        with pytest.raises(ClipError, match=r'1\.png: is \(10, 10\) pixels, the first image \(32, 24\)'):
            reader.read(folder, [1])
        Image.new('RGB', (10, 10)).save(folder / 'cover.png')
        with pytest.raises(ClipError, match=r'cover\.png: the image has no number'):
            reader.info(folder)

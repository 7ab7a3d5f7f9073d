"""Live text: the same as offline on a recording, and what happens when something is too slow."""

import json
import os
import runpy
import signal
import sys
import threading
import time

import av
import numpy as np
import pytest
from file_poses import FilePoses, paint_number

from unisign.apis import Camera, GrowingFile, LiveTranslator, LongVideoTranslator
from unisign.apis import live_sources as sources
from unisign.apis.live_sources import open_source
from unisign.datasets.video_readers import PyAVReader
from unisign.segmentation import SegmentRule
from unisign.stores import read_npz
from unisign.structures import ClipError, DataError

POSE, RGB = 'stage3_toy-slt_pose', 'stage3_toy-islr'
WINDOWS = SegmentRule(longest=0.8, overlap=0.2)


@pytest.fixture(autouse=True)
def here(checkout, monkeypatch):
    monkeypatch.chdir(checkout)


def finals(texts):
    return [(one.answer.segment, one.answer.text, one.answer.translation.score) for one in texts if one.final]


def same(live, offline):
    expected = [(one.segment, one.text, one.translation.score) for one in offline]
    assert [found[:2] for found in live] == [one[:2] for one in expected] and len(live) >= 2
    assert [found[2] for found in live] == pytest.approx([one[2] for one in expected], abs=1e-5)


def painted(talk, path, **options):
    """Write the video with each frame's number in it."""
    frames = PyAVReader().read(f'{talk}.mp4', np.arange(len(read_npz(f'{talk}.npz'))))
    with av.open(str(path), 'w', options=options) as container:
        stream = container.add_stream('libx264', rate=15, options={'crf': '20', 'g': '15'})
        stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], 'yuv420p'
        for number, image in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(paint_number(image, number), format='rgb24')
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize('name', [POSE, RGB])
@pytest.mark.parametrize('rule', [None, WINDOWS], ids=['segments', 'windows'])
def test_a_recording_ends_as_the_offline_text(inferencer, talk, name, rule):
    own = inferencer(name, pose=f'{talk}.npz')
    live = LiveTranslator(own, rule, partial_every=0.4)
    texts = list(live.stream(open_source(own, f'{talk}.mp4')))
    same(finals(texts), LongVideoTranslator(own, rule)(f'{talk}.mp4'))
    assert not any(one.answer.translation.failure or one.answer.translation.note for one in texts)
    report = live.report.summary()
    assert report['frames'] == len(read_npz(f'{talk}.npz')) and report['dropped'] == 0
    assert report['segments'] == len(finals(texts)) and report['partial_texts'] == len(texts) - report['segments'] > 0
    assert 0 < report['first_text_p50'] <= report['first_text_p95'] and report['final_text_p95'] > 0


def test_texts_come_while_the_segment_goes_on(inferencer, talk):
    own = inferencer(POSE, pose=f'{talk}.npz')
    texts = list(LiveTranslator(own, partial_every=0.4).stream(open_source(own, f'{talk}.mp4')))
    before = []
    for one in texts:
        segment = one.answer.segment
        if one.final:
            assert len(before) >= 2 and {part.start for part in before} == {segment.start}
            assert [part.end for part in before] == [segment.start + 9 + 6 * i for i in range(len(before))]
            assert before[-1].end <= segment.end + 3  # what was pause was not known yet
            before = []
        else:
            before.append(segment)
    assert [one.final for one in LiveTranslator(own, partial_every=0).stream(open_source(own, f'{talk}.npz'))] == [
        True
    ] * 2


def test_keypoints_are_estimated_on_the_way(inferencer, talk):
    own = inferencer(POSE, pose=FilePoses(f'{talk}.npz'))
    texts = LiveTranslator(own).stream(open_source(own, f'{talk}.mp4'))
    same(finals(texts), LongVideoTranslator(own)(f'{talk}.mp4'))
    with pytest.raises(DataError, match='a function takes a whole video'):
        own = inferencer(POSE, pose=lambda frames, frame_rate: None)
        LiveTranslator(own).stream(open_source(own, f'{talk}.mp4'))


def test_a_paced_recording_takes_its_time(inferencer, talk):
    own, frames = inferencer(POSE, pose=f'{talk}.npz'), len(read_npz(f'{talk}.npz'))
    live = LiveTranslator(own, partial_every=0.5, buffer=60)
    texts = list(live.stream(open_source(own, f'{talk}.mp4', paced=True)))
    assert live.report.seconds >= (frames - 1) / 15 and live.report.frames == frames and live.report.dropped == 0
    same(finals(texts), LongVideoTranslator(own)(f'{talk}.mp4'))


@pytest.mark.slow
def test_what_is_too_slow_drops_frames_and_says_so(inferencer, talk, tmp_path):
    """An estimator of 10 frames a second for 15: a third is lost, and the segments are found all the same."""
    video = painted(talk, tmp_path / 'painted.mp4')
    estimator = FilePoses(f'{talk}.npz', seconds=0.1, painted=True)
    own = inferencer(POSE, pose=estimator)
    live = LiveTranslator(own, buffer=0.5)
    texts = list(live.stream(open_source(own, str(video), paced=True)))
    report, frames = live.report, len(estimator.poses)
    assert report.frames == frames and report.dropped == frames - len(estimator.seen) > frames / 10
    assert estimator.seen == sorted(set(estimator.seen))
    offline = LongVideoTranslator(inferencer(POSE))(f'{talk}.npz')
    assert [one.answer.segment.start for one in texts if one.final] == pytest.approx(
        [one.segment.start for one in offline], abs=3
    )
    estimator.seconds, unpaced = 0.02, LiveTranslator(own, buffer=0.1)
    list(unpaced.stream(open_source(own, str(video))))
    assert unpaced.report.dropped == 0 and unpaced.report.frames == frames


@pytest.mark.parametrize(
    'suffix, options', [('.ts', {}), ('.mkv', {}), ('.mp4', {'movflags': 'frag_keyframe+empty_moov'})]
)
def test_a_file_that_is_being_written(inferencer, talk, tmp_path, suffix, options):
    data = painted(talk, tmp_path / f'whole{suffix}', **options).read_bytes()
    growing, pieces = tmp_path / f'growing{suffix}', 12

    def write():
        for i in range(pieces):
            with growing.open('ab') as file:
                file.write(data[i * len(data) // pieces : (i + 1) * len(data) // pieces])
            time.sleep(0.1)

    own = inferencer(POSE, pose=FilePoses(f'{talk}.npz', painted=True))
    writer = threading.Thread(target=write)
    writer.start()
    live = LiveTranslator(own, buffer=60)
    texts = list(live.stream(GrowingFile(growing, timeout=1.0)))
    writer.join()
    assert live.report.frames == len(read_npz(f'{talk}.npz')) and live.report.dropped == 0
    same(finals(texts), LongVideoTranslator(own)(str(growing)))


def test_pictures_of_a_live_source_are_those_of_the_file(inferencer, talk, tmp_path):
    video = painted(talk, tmp_path / 'x.ts')
    own = inferencer(RGB, pose=FilePoses(f'{talk}.npz', painted=True))
    texts = list(LiveTranslator(own).stream(GrowingFile(video, timeout=0.2)))
    assert not any(one.answer.translation.note for one in texts)
    same(finals(texts), LongVideoTranslator(own)(str(video)))


def test_growing_files_that_cannot_be_followed(talk, tmp_path):
    with pytest.raises(ClipError, match=r'no such file came into being within 0\.1 s'):
        GrowingFile(tmp_path / 'gone.mkv', timeout=0.1)
    with pytest.raises(ClipError, match=r'cannot be shown from its beginning .*fragmented mp4'):
        GrowingFile(f'{talk}.mp4', timeout=0.1)  # its table of contents is at the end
    for text in (f'ffconcat version 1.0\nfile {talk}.mp4\n', f'#EXTM3U\n#EXTINF:9,\n{talk}.mp4\n', 'hello ' * 999, ''):
        (tmp_path / 'list.ts').write_text(text)
        with pytest.raises(ClipError, match='cannot be shown from its beginning'):
            GrowingFile(tmp_path / 'list.ts', timeout=0.1)


class Capture:
    """OpenCV's camera, showing a video: one frame each time its clock, which is the test's too, goes on."""

    def __init__(self, images, clock, every=1):
        self.images, self.clock, self.every, self.number, self.released = images, clock, every, -1, False

    def __call__(self, index):
        self.number = -1
        return self

    def read(self):
        if self.number >= 0:
            self.clock[0] += self.every / 15
        self.number += self.every if self.number >= 0 else 1
        inside = self.number < len(self.images)
        return inside, self.images[self.number][..., ::-1] if inside else None

    def get(self, name):
        return 15.0

    def set(self, name, value):
        return True

    def release(self):
        self.released = True


@pytest.mark.parametrize('name, every', [(POSE, 1), (RGB, 1), (POSE, 2)])
def test_a_camera(inferencer, talk, tmp_path, monkeypatch, name, every):
    """One that shows every second frame only leaves gaps: signing does not become faster."""
    import cv2

    video = painted(talk, tmp_path / 'x.mp4')
    images = PyAVReader().read(video, np.arange(PyAVReader().info(video).num_frames))
    clock = [0.0]
    capture = Capture(np.concatenate([images[:1], images]) if every == 1 else images, clock, every)
    monkeypatch.setattr(cv2, 'VideoCapture', capture)
    monkeypatch.setattr(sources.time, 'monotonic', lambda: clock[0])
    own = inferencer(name, pose=FilePoses(f'{talk}.npz', painted=True))
    camera = Camera(0)
    assert (camera.frame_rate, camera.frame_size) == (15.0, (224, 224))
    texts = list(LiveTranslator(own, buffer=60).stream(camera))
    offline = LongVideoTranslator(own)(str(video))
    if every == 1:
        same(finals(texts), offline)
    else:
        starts = [one.answer.segment.start for one in texts if one.final]
        assert starts == pytest.approx([one.segment.start for one in offline], abs=4)
    assert capture.released and not any(one.answer.translation.note for one in texts)


def test_no_camera():
    with pytest.raises(ClipError, match='camera 99: there is no such camera'):
        Camera(99)


def test_a_damaged_recording_is_answered_up_to_there(inferencer, talk, monkeypatch):
    own, read = inferencer(POSE, pose=FilePoses(f'{talk}.npz')), PyAVReader.frames

    def frames(self, path, indices):
        for number, image in enumerate(read(self, path, indices)):
            if number == 50:
                raise ClipError(path, 'decoding did not reach frame 50.')
            yield image

    monkeypatch.setattr(PyAVReader, 'frames', frames)
    live, texts = LiveTranslator(own), []
    with pytest.raises(ClipError, match='did not reach frame 50'):
        texts.extend(live.stream(open_source(own, f'{talk}.mp4')))
    assert live.report.frames == 50 and live.report.segments >= 1 and not own_threads()


def own_threads():
    return [thread for thread in threading.enumerate() if 'guarded' in thread.name]


def test_stopping_ends_the_running_segment_and_the_threads(inferencer, talk):
    own = inferencer(POSE, pose=f'{talk}.npz')
    live = LiveTranslator(own, partial_every=0.3)
    texts, stream = [], live.stream(open_source(own, f'{talk}.mp4', paced=True))
    for text in stream:
        texts.append(text)
        live.stop()
    assert texts[-1].final and live.report.segments == 1 and live.report.frames < len(read_npz(f'{talk}.npz'))
    assert not own_threads()
    stream = live.stream(open_source(own, f'{talk}.mp4', paced=True))
    next(stream)
    stream.close()  # nobody wants the rest
    assert not own_threads()


@pytest.fixture
def demo(trained, repo, monkeypatch, capsys):
    before = signal.getsignal(signal.SIGINT)

    def run(*arguments):
        command = ['live.py', *arguments, '--model', POSE, '--checkpoint', trained(POSE)[1], '--device', 'cpu']
        monkeypatch.setattr(sys, 'argv', [str(word) for word in [*command, '--lang', 'en']])
        with pytest.raises(SystemExit) as stop:
            runpy.run_path(str(repo / 'demo' / 'live.py'), run_name='__main__')
        return stop.value.code, capsys.readouterr()

    yield run
    signal.signal(signal.SIGINT, before)


def test_the_command(demo, talk, tmp_path):
    out = tmp_path / 'new' / 'texts.jsonl'
    code, output = demo(f'{talk}.mp4', '--pose', f'{talk}.npz', '--partial-every', '0.5', '--out', out)
    *lines, report = [json.loads(line) for line in out.read_text(encoding='utf-8').splitlines()]
    assert code == 0 and len(output.out.splitlines()) == len(lines)
    assert sum(line['final'] for line in lines) == report['report']['segments'] == 2
    assert '0 dropped (0.0 %)' in output.err and 'p95' in output.err


def test_ctrl_c_ends_the_segment_and_prints_the_report(demo, talk, monkeypatch):
    stream = LiveTranslator.stream

    def interrupted(self, source):
        for number, text in enumerate(stream(self, source)):
            if number == 0:
                os.kill(os.getpid(), signal.SIGINT)
            yield text

    monkeypatch.setattr(LiveTranslator, 'stream', interrupted)
    code, output = demo(f'{talk}.mp4', '--pose', f'{talk}.npz', '--paced', '--partial-every', '0.3')
    assert code == 0 and not output.out.splitlines()[-1].endswith(' ..')
    assert '1 segments, ' in output.err and 'p50' in output.err


def test_keypoints_from_a_file_do_not_go_with_a_camera(demo, talk):
    code, output = demo('0', '--pose', f'{talk}.npz')
    assert code == 1 and 'keypoints of a live source are in no file' in output.err

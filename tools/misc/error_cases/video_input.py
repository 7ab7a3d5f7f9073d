"""Videos and addresses given to ``tools/data/extract_poses.py`` and the demos."""

import json
import os
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import av
import numpy as np

from error_cases.bench import REPO, Attempt, Bench, Row
from unisign.pose import PoseEstimator
from unisign.pose.build import SHORT_NAMES
from unisign.registry import POSE_ESTIMATORS

EXTRACT, TRANSLATE = '`tools/data/extract_poses.py`', '`demo/translate.py`'
SUBTITLE, LIVE = '`demo/subtitle.py`', '`demo/live.py`'
LEFT_OUT = 'The run goes on without the video, which is listed in `failed_0_of_1.jsonl`.'
WRITTEN = 'The run goes on; its poses are written.'
REFUSED, ANSWERED = 'Nothing is answered.', 'The run goes on: it is answered.'
UNWRITTEN = 'No subtitles are written.'
NOT_SAID = 'nothing is said'
ADDRESSES = {
    'An address that is neither http nor https': 'ftp://localhost/clip.mp4',
    'A `file://` address': 'file:///clip.mp4',
    'An address where nothing answers': 'http://127.0.0.1:9/clip.mp4',
}


@POSE_ESTIMATORS.register_module()
class SeesBrightness(PoseEstimator):
    """In the place of MediaPipe, so that the cases need no pose extra: sees somebody in the middle of bright frames."""

    def describe(self) -> dict[str, object]:
        """Return what made the keypoints."""
        return {'estimator': type(self).__name__, 'weights': {}, 'versions': {}, 'settings': {}}

    def _estimate(self, chunks: Iterator[list[np.ndarray]]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for frames in chunks:
            scores = np.array([float(frame.mean() > 40) for frame in frames])
            yield np.full((len(frames), 133, 2), 0.5) * scores[:, None, None], np.tile(scores[:, None], 133)


def rows(bench: Bench) -> Iterator[Row]:
    """Yield the cases."""
    videos = _videos(bench)
    directly = mock.patch.dict(os.environ, no_proxy='127.0.0.1')  # whatever proxies the machine has
    with directly, mock.patch.dict(SHORT_NAMES, mediapipe='SeesBrightness'):
        yield from _extracted(bench, videos)
        yield from _translated(bench, videos)
        yield from _long(bench, videos)


def _extracted(bench: Bench, videos: dict[str, Path]) -> Iterator[Row]:
    """All of them in one run, and whole runs that cannot begin."""
    out, script = bench.folder / 'poses', 'data/extract_poses.py'
    listing = bench.write('videos.txt', ''.join(f'{path}\n' for path in videos.values()))
    log = bench.tool(script, listing, out).log
    failed = map(json.loads, (out / 'failed_0_of_1.jsonl').read_text().splitlines())
    errors = {entry['id']: bench.without_folder(entry['error']) for entry in failed}
    for wrong, path in videos.items():
        note = next((line for line in log.splitlines() if line.startswith(f'note: {path.stem}: ')), NOT_SAID)
        message, written = errors.get(path.stem, note), (out / f'{path.stem}.npz').exists()
        yield Row(EXTRACT, wrong, message, WRITTEN if written else LEFT_OUT)
    (bench.folder / 'nothing').mkdir()
    twins = bench.write('twins.txt', 'a/clip.mp4\nb/clip.mp4\n')
    cases: dict[str, tuple[str | Path, ...]] = {
        'The folder is missing': (bench.folder / 'vidoes', out),
        'A folder without videos': (bench.folder / 'nothing', out),
        'Two videos of the same name in a list': (twins, out),
        'A folder of poses that were made in another way': (listing, out, '--frame-rate', '12.5'),
        'A frame rate of 0': (listing, out, '--frame-rate', '0'),
    }
    for wrong, arguments in cases.items():
        message = bench.tool(script, *arguments).message
        message = message[message.find('error: ') :]  # behind the progress bar
        yield Row(EXTRACT, wrong, message, 'Nothing is written.' if message else 'It runs.')


def _translated(bench: Bench, videos: dict[str, Path]) -> Iterator[Row]:
    cases = {wrong: (str(source), 'mediapipe') for wrong, source in {**videos, **ADDRESSES}.items()}
    sound = str(bench.folder / 'whole_clip.mp4')
    cases['A damaged `.npz` as `--pose`'] = sound, str(bench.write('damaged.npz', 'PK'))
    cases['A pose file that is not there as `--pose`'] = sound, 'gone.npz'
    for wrong, (source, pose) in cases.items():
        message = _demo(bench, 'translate', source, '--pose', pose).message
        yield Row(TRANSLATE, wrong, message or NOT_SAID, REFUSED if message else ANSWERED)


def _long(bench: Bench, videos: dict[str, Path]) -> Iterator[Row]:
    sound, out = bench.folder / 'whole_clip.mp4', ('--out', bench.folder / 'talk.srt')
    subtitles: dict[str, tuple[str | Path, ...]] = {
        'Zero bytes': (videos['Zero bytes'], *out),
        'A playlist named `.mp4`': (videos['A playlist named `.mp4`'], *out),
        'A folder of several videos': (bench.folder, *out),
        'A file of subtitles that is neither `.srt` nor `.vtt`': (sound, '--out', 'talk.txt'),
        'A `--rule` that is no JSON object': (sound, *out, '--rule', 'pause=1'),
        'A `--rule` with an unknown field': (sound, *out, '--rule', '{"puase": 1}'),
    }
    for wrong, arguments in subtitles.items():
        yield Row(SUBTITLE, wrong, _demo(bench, 'subtitle', *arguments, '--pose', 'mediapipe').message, UNWRITTEN)
    live: dict[str, tuple[str | Path, ...]] = {
        'An address': ('http://127.0.0.1:9/clip.mp4',),
        'A growing file that does not come': (bench.folder / 'soon.mkv', '--growing', '--timeout', '0.1'),
        'A pose file for a camera': ('0', '--pose', 'poses.npz'),
        'A recording that is not there': (bench.folder / 'gone.mp4',),
    }
    for wrong, arguments in live.items():
        yield Row(LIVE, wrong, _demo(bench, 'live', *arguments).message, REFUSED)


def _demo(bench: Bench, name: str, *arguments: str | Path) -> Attempt:
    """Do what ``python demo/NAME.py ARGUMENTS`` does with the bench's model."""
    checkpoint = bench.trained / 'checkpoints/epoch_1.pth'
    usual = ['--model', bench.config(), '--checkpoint', checkpoint, '--lang', 'en']

    def run() -> None:
        with mock.patch.object(sys, 'argv', [f'{name}.py', *map(str, arguments), *map(str, usual)]):
            runpy.run_path(str(REPO / f'demo/{name}.py'), run_name='__main__')

    return bench.attempt(run)


def _videos(bench: Bench) -> dict[str, Path]:
    """Return what is wrong -> file."""
    sound = _video(bench, 'whole_clip.mp4').read_bytes()
    playlist = '#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/secret.ts\n'
    concat = f"ffconcat version 1.0\nfile '{bench.folder}/whole_clip.mp4'\n"
    return {
        'Zero bytes': bench.write('empty_file.mp4'),
        'A text named `.mp4`': bench.write('notes.mp4', 'good morning\n' * 50),
        'A playlist named `.mp4`': bench.write('playlist.mp4', playlist),
        'A concat file named `.mp4`': bench.write('concat.mp4', concat),
        'A video without its index: a recording that was not ended': bench.write(
            'no_end.mp4', sound[: len(sound) // 2]
        ),
        'A video that is cut off behind its index': _cut(bench),
        'Sound alone': _sound(bench),
        'No frames': _video(bench, 'no_frames.mp4', 0),
        'One frame': _video(bench, 'one_frame.mp4', 1),
        'No person': _video(bench, 'nobody.mp4', brightness=16),
        'A video that lies in the file, with a note to turn it': _video(bench, 'turned.mp4', turned=90),
        'Variable frame rate': _video(bench, 'uneven.mkv', uneven=True),
        'Missing': bench.folder / 'gone.mp4',
    }


def _cut(bench: Bench) -> Path:
    whole = _video(bench, 'to_cut.mp4', 20, faststart=True).read_bytes()
    return bench.write('cut_video.mp4', whole[: len(whole) * 3 // 4])


def _sound(bench: Bench) -> Path:
    path = bench.folder / 'sound_alone.mp4'
    with av.open(str(path), 'w') as container:
        stream = container.add_stream('aac', rate=16000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format='fltp', layout='mono')
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _video(
    bench: Bench,
    name: str,
    frames: int = 8,
    brightness: int = 90,
    turned: int = 0,
    uneven: bool = False,
    faststart: bool = False,
) -> Path:
    """Write noise around a brightness; return the path."""
    path, rng = bench.folder / name, np.random.default_rng(0)
    with av.open(str(path), 'w', options={'movflags': 'faststart'} if faststart else {}) as container:
        stream = container.add_stream('libx264', rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, 'yuv420p'
        if not frames:
            container.start_encoding()
        if turned:
            stream.set_display_rotation(turned)
        for i in range(frames):
            image = rng.integers(0, 2 * brightness, (64, 96, 3), dtype=np.uint8)
            frame = av.VideoFrame.from_ndarray(image, format='rgb24')
            frame.pts = i * (3 if uneven and i > 3 else 1)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path

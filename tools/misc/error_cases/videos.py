"""Videos that are missing, cut off, too short or of another shape, and packed hand windows that do not fit."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np

from error_cases.bench import WENT_ON, Bench, Row

GROUP = 'Videos (training with RGB)'
SAME_SHAPE = 'It is of another size, of the same shape'
RGB_PIPELINE = ('LoadPoses', 'SampleHandFrames', 'LoadHandCrops', 'NormalizeParts', 'PackSignInputs')
ANY_SIZE = 'The run goes on with the clip: keypoints are fractions of the frame.'
POSES_ONLY = (
    'The run goes on with the clip, without pictures of its hands; it is named in the log and in the report with '
    '`"used": "poses only"`.'
)


def rows(bench: Bench) -> Iterator[Row]:
    """Yield the cases."""
    clips = _bad_clips(bench)
    yield from _failing(bench, clips)
    yield from _skipped(bench, clips)
    yield from _windows(bench, clips)
    yield from _extract(bench, clips)


def _failing(bench: Bench, clips: dict[str, dict[str, Any]]) -> Iterator[Row]:
    """One run over all of them, with a large max_failed_share."""
    for wrong, entry, log in _reports(bench, clips, {}):
        if wrong == SAME_SHAPE:
            yield Row(GROUP, wrong, 'nothing is said', ANY_SIZE if clips[wrong]['id'] not in log else 'It is named.')
            continue
        message = bench.without_folder(entry.get('error', ''))
        named = f'({entry.get("split")}) cannot be used and is left out' in log and message in log
        yield Row(GROUP, wrong, message, WENT_ON if named else 'It is not named.')


def _skipped(bench: Bench, clips: dict[str, dict[str, Any]]) -> Iterator[Row]:
    wrong = 'The file is missing'
    for _, entry, log in _reports(bench, {wrong: clips[wrong]}, {'missing_video': 'skip'}):
        message = bench.without_folder(entry.get('error', ''))
        named = 'is used without pictures of the hands' in log and entry.get('used') == 'poses only'
        yield Row(GROUP, "It is missing, with `missing_video='skip'`", message, POSES_ONLY if named else 'Not named.')


def _windows(bench: Bench, clips: dict[str, dict[str, Any]]) -> Iterator[Row]:
    """A store of packed windows that lacks the clip, and one that is not there."""
    store = bench.folder / 'hands.lmdb'
    sound = bench.write_clips('sound_video.jsonl', [sound_clip(bench)])
    bench.tool('data/extract_hand_crops.py', sound, store, '--workers', '0')
    wrong = 'The file is missing'
    for _, entry, _ in _reports(bench, {wrong: clips[wrong]}, {'windows': str(store)}):
        yield Row(GROUP, 'Packed windows: the clip is not there', bench.without_folder(entry.get('error', '')), WENT_ON)
    attempt = _run(bench, clips, {'windows': str(bench.folder / 'gone.lmdb')}, bench.work_dir())
    yield Row(GROUP, 'Packed windows: the store is missing', attempt.message, attempt.outcome)


def _extract(bench: Bench, clips: dict[str, dict[str, Any]]) -> Iterator[Row]:
    path = bench.write_clips('videos.jsonl', [sound_clip(bench), clips['The file is missing']])
    for wrong, out in {'A video that cannot be read': 'windows.lmdb', 'A name that is no store': 'windows.bin'}.items():
        attempt = bench.tool('data/extract_hand_crops.py', path, bench.folder / out, '--workers', '0')
        message = attempt.message[attempt.message.find('error: ') :]  # behind the progress bar
        kept = (bench.folder / f'{out}.part').exists()
        outcome = 'No store is written; what is done is kept for the next call.' if kept else 'Nothing is written.'
        yield Row('`tools/data/extract_hand_crops.py`', wrong, message, outcome)


def _reports(
    bench: Bench, clips: dict[str, dict[str, Any]], load: dict[str, Any]
) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Train on the clips; yield what was wrong, the clip's line in the report, and the log."""
    work_dir = bench.work_dir()
    attempt = _run(bench, clips, load, work_dir)
    path = work_dir / 'failed_clips_rank0.jsonl'
    lines = path.read_text().splitlines() if path.exists() else []
    report = {entry['id']: entry for entry in map(json.loads, lines)}
    for wrong, clip in clips.items():
        yield wrong, report.get(clip['id'], {}), attempt.log


def _run(bench: Bench, clips: dict[str, dict[str, Any]], load: dict[str, Any], work_dir: Path) -> Any:
    others = [sound_clip(bench) | {'id': f'sound_{i}'} for i in range(3)]
    path = bench.write_clips('videos.jsonl', others + list(clips.values()))
    dataset = 'train_dataloader.dataset'
    options = {f'{dataset}.ann_file': str(path), f'{dataset}.max_failed_share': 1.0}
    options[f'{dataset}.pipeline'] = rgb_pipeline(LoadHandCrops=load)
    return bench.train(options, work_dir=work_dir)


def rgb_pipeline(**arguments: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a pipeline with pictures of the hands; ``arguments``: of its transforms, by type."""
    return [dict(type=name, **arguments.get(name, {})) for name in RGB_PIPELINE]


def _bad_clips(bench: Bench) -> dict[str, dict[str, Any]]:
    """Return annotations by what is wrong with their videos."""
    frames = len(bench.poses())
    whole = _video(bench, 'whole.mp4', frames).read_bytes()
    damaged = bytearray(whole)
    damaged[len(whole) // 2 :] = bytes(len(whole) - len(whole) // 2)
    for number in (0, 1, 3):
        bench.write(f'frames_with_gap/{number:03d}.png')
    videos = {
        'The file is missing': 'gone.mp4',
        'It is cut off, behind its index': bench.write('cut_off.mp4', whole[: len(whole) * 3 // 4]),
        'It is cut off, before its index': bench.write('no_index.mp4', whole[:300]),
        'It is no video': bench.write('text.mp4', 'good morning'),
        'It is damaged in the middle': bench.write('damaged.mp4', bytes(damaged)),
        'It is shorter than the poses': _video(bench, 'short.mp4', frames - 6),
        'It is of another size, and of another shape': _video(bench, 'wide.mp4', frames, width=448),
        SAME_SHAPE: _video(bench, 'large.mp4', frames, width=448, height=448),
        'A folder of images with a gap': bench.folder / 'frames_with_gap',
    }
    clips = {wrong: bench.clip(id=f'video_{i}', video=str(path)) for i, (wrong, path) in enumerate(videos.items())}
    clips['No video in the annotation'] = bench.clip(id='no_video')
    return clips


def sound_clip(bench: Bench) -> dict[str, Any]:
    """Return an annotation whose video fits its poses."""
    return bench.clip(0, video=str(_video(bench, 'sound.mp4', len(bench.poses()))))


def _video(bench: Bench, name: str, frames: int, width: int = 224, height: int = 224) -> Path:
    """Write noise, its index in front; return the path."""
    path, rng = bench.folder / name, np.random.default_rng(0)
    if path.exists():
        return path
    with av.open(str(path), 'w', options={'movflags': 'faststart'}) as container:
        stream = container.add_stream('libx264', rate=15)
        stream.width, stream.height, stream.pix_fmt = width, height, 'yuv420p'
        for _ in range(frames):
            image = rng.integers(0, 255, (height, width, 3), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format='rgb24')))
        container.mux(stream.encode(None))
    return path

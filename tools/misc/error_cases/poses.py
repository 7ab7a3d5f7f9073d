"""Pose files and stores that are missing, damaged or wrong."""

import json
import pickle
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from error_cases.bench import WENT_ON, Bench, Row
from unisign.stores import PackedPoseWriter

GROUP = 'Poses'


def rows(bench: Bench) -> Iterator[Row]:
    """Yield the cases."""
    clips = _bad_clips(bench)
    yield from _tolerated(bench, clips)
    yield from _too_many(bench, clips)
    yield from _stores(bench)


def _tolerated(bench: Bench, clips: dict[str, dict[str, Any]]) -> Iterator[Row]:
    """One run over sound clips and all the bad ones, with a large max_failed_share."""
    path = bench.write_clips('mostly_bad.jsonl', [bench.clip(i) for i in range(3)] + list(clips.values()))
    dataset = 'train_dataloader.dataset'
    work_dir = bench.work_dir()
    attempt = bench.train({f'{dataset}.ann_file': str(path), f'{dataset}.max_failed_share': 1.0}, work_dir=work_dir)
    lines = (work_dir / 'failed_clips_rank0.jsonl').read_text().splitlines()
    report = {entry['id']: entry['error'] for entry in map(json.loads, lines)}
    for wrong, clip in clips.items():
        message = bench.without_folder(report.get(clip['id'], ''))
        named = f'Clip {clip["id"]} (train)' in attempt.log and message in attempt.log
        yield Row(GROUP, wrong, message, WENT_ON if named and not attempt.message else attempt.outcome)


def _too_many(bench: Bench, clips: dict[str, dict[str, Any]]) -> Iterator[Row]:
    bad = clips['The file is missing'] | {'id': 'clip_24'}
    path = bench.write_clips('one_bad.jsonl', [bench.clip(i) for i in range(24)] + [bad])
    attempt = bench.train({'train_dataloader.dataset.ann_file': str(path)})
    yield Row(GROUP, 'More bad clips than `max_failed_share` allows', attempt.message, attempt.outcome)


def _bad_clips(bench: Bench) -> dict[str, dict[str, Any]]:
    """Return annotations of bad clips by what is wrong with them."""
    poses = bench.poses()
    people = poses.keypoints[:, None], poses.scores[:, None]
    width, height = poses.frame_size or (640, 480)
    with_nan = poses.keypoints.copy()
    with_nan[3, 100] = np.nan
    whole = pickle.dumps({'keypoints': list(people[0]), 'scores': list(people[1])})
    objects = {'keypoints': np.array([{}], dtype=object), 'scores': poses.scores}
    files = {
        'The file is missing': bench.folder / 'gone.pkl',
        'A pickle that is cut off': bench.write('cut.pkl', whole[:2000]),
        'A pickle that runs code': bench.write('code.pkl', pickle.dumps({'keypoints': bench.code()})),
        'A pickle of something else': bench.write('list.pkl', pickle.dumps([1, 2, 3])),
        'Body points only: wrong shape': _pickle(bench, 'body17.pkl', people[0][:, :, :17], people[1][:, :, :17]),
        'Scores of other frames: wrong shape': _pickle(bench, 'scores.pkl', people[0], people[1][:-2]),
        'NaN': _pickle(bench, 'nan.pkl', with_nan[:, None], people[1]),
        'Pixel coordinates': _pickle(bench, 'pixels.pkl', people[0] * (width, height), people[1]),
        'No frames': _pickle(bench, 'empty.pkl', people[0][:0], people[1][:0]),
        'A file that is no pickle': bench.write('text.pkl', 'keypoints: 1 2 3\n'),
        '`.npz`: cut off': _npz(bench, 'cut_arrays.npz', cut=1000, keypoints=poses.keypoints, scores=poses.scores),
        '`.npz`: holds Python objects': _npz(bench, 'objects.npz', **objects),
        '`.npz`: an array is missing': _npz(bench, 'keypoints.npz', keypoints=poses.keypoints),
        'Another kind of file': bench.write('poses.json', '{}'),
    }
    clips = {wrong: bench.clip(id=path.stem, poses=str(path)) for wrong, path in files.items()}
    store = _packed(bench, 'my.lmdb')
    _damage(store)
    clips['The frames asked for are not there'] = bench.clip(id='range', start=0, end=5000)
    clips['Only a video, no poses'] = bench.clip(id='video', poses=None, video='clip.mp4')
    clips['Packed store: no such clip'] = bench.clip(id='key', poses=f'{store}#clip_9')
    clips['Packed store: a damaged clip'] = bench.clip(id='damaged', poses=f'{store}#clip_1')
    return clips


def _pickle(bench: Bench, name: str, keypoints: np.ndarray, scores: np.ndarray) -> Path:
    return bench.write(name, pickle.dumps({'keypoints': list(keypoints), 'scores': list(scores)}))


def _npz(bench: Bench, name: str, cut: int | None = None, **arrays: np.ndarray) -> Path:
    path = bench.folder / name
    np.savez(path, **arrays)
    path.write_bytes(path.read_bytes()[:cut])
    return path


def _packed(bench: Bench, name: str) -> Path:
    path = bench.folder / name
    with PackedPoseWriter(path) as writer:
        for i in range(2):
            writer.write(f'clip_{i}', replace(bench.poses(i), frame_ids=None))
    return path


def _damage(store: Path) -> None:
    """Change a byte in the last clip of a packed store."""
    data = bytearray(store.read_bytes())
    data[data.rindex(b'UPK1') + 500] ^= 0xFF
    store.write_bytes(data)


def _stores(bench: Bench) -> Iterator[Row]:
    """Stores that cannot be opened: nothing is read from them, so the run does not start."""
    whole = _packed(bench, 'whole.lmdb').read_bytes()
    stores = {
        'Packed store: the file is missing': bench.folder / 'gone.lmdb',
        'Packed store: cut off': bench.write('cut.lmdb', whole[: len(whole) // 2]),
        'Packed store: another kind of file': bench.write('other.lmdb', b'not an LMDB file' * 1000),
    }
    for wrong, store in stores.items():
        path = bench.write_clips('stored.jsonl', [bench.clip(i, poses=f'{store}#clip_{i}') for i in range(2)])
        attempt = bench.train({'train_dataloader.dataset.ann_file': str(path)})
        yield Row(GROUP, wrong, attempt.message, attempt.outcome)

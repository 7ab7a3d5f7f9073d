"""Wrong files given to the tools that import, pack, score and make."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from error_cases.bench import Attempt, Bench, Row


def rows(bench: Bench) -> Iterator[Row]:
    """Yield the cases."""
    yield from _import_npz(bench)
    yield from _pack_poses(bench)
    yield from _make_language_model(bench)
    yield from _score_text(bench)
    yield from _reports(bench)


def _import_npz(bench: Bench) -> Iterator[Row]:
    poses = [bench.poses(i) for i in range(3)]
    frames = min(map(len, poses))
    arrays = {
        'keypoints': np.stack([clip.keypoints[:frames] for clip in poses]),
        'scores': np.stack([clip.scores[:frames] for clip in poses]),
        'label': np.array(['yes', 'no', 'maybe']),
    }
    with_nan = arrays['keypoints'].copy()
    with_nan[1, 2] = np.nan
    changes = {
        'Clips without labels': {'label': None},
        'Keypoints of one clip, not of many: wrong shape': {'keypoints': arrays['keypoints'][0]},
        'NaN': {'keypoints': with_nan},
        'Pixel coordinates': {'keypoints': arrays['keypoints'] * (640, 480)},
        'Python objects': {'label': np.array(['yes', None, 3], dtype=object)},
    }
    files = {'The file is missing': bench.folder / 'sings.npz', 'The file is cut off': bench.folder / 'cut_clips.npz'}
    for i, (wrong, change) in enumerate(changes.items()):
        files[wrong] = bench.folder / f'clips_{i}.npz'
        np.savez(files[wrong], **{name: value for name, value in (arrays | change).items() if value is not None})
    files['The file is cut off'].write_bytes(files['NaN'].read_bytes()[:5000])
    for wrong, path in files.items():
        out = bench.folder / 'imported'
        attempt = bench.tool('data/import_npz.py', path, out)
        yield Row('`tools/data/import_npz.py`', wrong, attempt.message, _written(attempt, out))


def _pack_poses(bench: Bench) -> Iterator[Row]:
    bad = bench.write_clips('to_pack.jsonl', [bench.clip(0), bench.clip(1, poses='gone.pkl')])
    good = bench.write_clips('sound.jsonl', [bench.clip(0)])
    cases = {
        'A clip that cannot be read': (bad, bench.folder / 'packed.lmdb'),
        'A name that is no store': (good, bench.folder / 'packed.bin'),
        'The annotation file is missing': (bench.folder / 'gone.jsonl', bench.folder / 'packed.lmdb'),
    }
    for wrong, (annotations, out) in cases.items():
        attempt = bench.tool('data/pack_poses.py', annotations, out, '--workers', '0')
        message = attempt.message[attempt.message.find('error: ') :]  # behind the progress bar
        yield Row('`tools/data/pack_poses.py`', wrong, message, _written(attempt, out))


def _make_language_model(bench: Bench) -> Iterator[Row]:
    files = {
        'The annotation file is missing': bench.folder / 'gone.jsonl',
        'A line is no JSON': bench.write('broken.jsonl', '{"id": \n'),
        'A line is no object': bench.write('lists.jsonl', '["good", "morning"]\n'),
        'No text in any line': bench.write_clips('textless.jsonl', [bench.clip(0, text=None, gloss=None)]),
        'An unknown language': bench.write_clips('unknown.jsonl', [bench.clip(0, lang='xx')]),
    }
    for wrong, path in files.items():
        out = bench.folder / 'my_language_model'
        attempt = bench.tool('models/make_language_model.py', path, '--out', out)
        yield Row('`tools/models/make_language_model.py`', wrong, attempt.message, _written(attempt, out))


def _score_text(bench: Bench) -> Iterator[Row]:
    sound = {'id': 'a', 'pred': 'good', 'ref': 'good', 'task': 'slt', 'lang': 'en'}
    files = {
        'The file is missing': bench.folder / 'perds.jsonl',
        'The file is empty': bench.write('none.jsonl'),
        'A line is no JSON': bench.write('preds_0.jsonl', json.dumps(sound) + '\n{"id": "b", "pr'),
        'No reference': bench.write('preds_1.jsonl', json.dumps({'id': 'a', 'pred': 'good'})),
        'A clip twice': bench.write('preds_2.jsonl', 2 * (json.dumps(sound) + '\n')),
        'No language': bench.write('preds_3.jsonl', json.dumps(sound | {'lang': None})),
    }
    for wrong, path in files.items():
        attempt = bench.tool('analysis/score_text.py', path)
        outcome = 'Nothing is scored.' if attempt.message else 'It is scored.'
        yield Row('`tools/analysis/score_text.py`', wrong, attempt.message, outcome)


def _reports(bench: Bench) -> Iterator[Row]:
    sound = {'id': 'a', 'pred': 'good', 'ref': 'good', 'task': 'islr', 'lang': 'en'}
    islr = bench.write('islr.jsonl', json.dumps(sound))
    slt = bench.write('slt.jsonl', json.dumps(sound | {'task': 'slt'}))
    blind = bench.write('blind.jsonl', json.dumps(sound | {'ref': ''}))
    silent = bench.write('silent.jsonl', json.dumps(sound | {'task': 'slt', 'lang': None}))
    out = bench.folder / 'page.html'
    others = bench.write_clips('others.jsonl', [bench.clip(0)])
    renamed = bench.write('renamed.jsonl', json.dumps(sound | {'id': 'b'}))
    corrected = bench.write('corrected.jsonl', json.dumps(sound | {'ref': 'bad'}))
    cases: tuple[tuple[str, str, tuple], ...] = (
        ('report_islr.py', 'Predictions of another task', (slt,)),
        ('report_islr.py', 'No reference in a line', (blind,)),
        ('report_cslr.py', 'The file is empty', (bench.write('none.jsonl'),)),
        (
            'report_slt.py',
            'No language',
            (silent,),
        ),
        ('compare_predictions.py', 'Other clips in the second file', (islr, renamed)),
        ('compare_predictions.py', 'Another reference in the second file', (islr, corrected)),
        ('compare_predictions.py', 'Another task in the second file', (islr, slt)),
        ('compare_predictions.py', 'A score of another task', (islr, islr, '--scores', 'bleu4')),
        ('make_page.py', 'Annotations of other clips', (islr, '--out', out, '--ann', others)),
        ('make_page.py', 'The annotation file is missing', (islr, '--out', out, '--ann', bench.folder / 'gone.jsonl')),
    )
    for tool, wrong, arguments in cases:
        attempt = bench.tool(f'analysis/{tool}', *arguments)
        yield Row(f'`tools/analysis/{tool}`', wrong, attempt.message, _written(attempt, out))


def _written(attempt: Attempt, out: Path) -> str:
    files = [path for path in (out.rglob('*') if out.is_dir() else [out]) if path.is_file()]
    return 'Nothing is written.' if attempt.message and not files else f'Written: {[path.name for path in files]}'

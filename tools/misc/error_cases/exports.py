"""Exported models that are damaged or come from elsewhere, and what cannot be exported."""

import json
from collections.abc import Iterator

from error_cases.bench import Bench, Row
from error_cases.video_input import REFUSED

EXPORT = 'Exported model'
UNCHANGED = 'Nothing is written.'


def rows(bench: Bench) -> Iterator[Row]:
    """Yield the cases; none of them needs the packages of the onnx extra."""
    files = {
        '`export.json` is cut off': '{"format": 1, "dataset": {',
        '`export.json` of another version': json.dumps({'format': 9}),
        '`export.json` lacks something': json.dumps({'format': 1, 'prompt': 'Translate'}),
    }
    clip = f'{bench.toy}/poses.lmdb#{bench.annotations[0].id}'
    for number, (wrong, content) in enumerate(files.items()):
        folder = bench.write(f'export_{number}/export.json', content).parent
        yield Row(EXPORT, wrong, bench.tool('../demo/translate.py', clip, '--model', folder).message, REFUSED)
    checkpoint = bench.trained / 'checkpoints/epoch_1.pth'
    attempt = bench.tool('../demo/translate.py', clip, '--model', folder, '--checkpoint', checkpoint)
    yield Row(EXPORT, 'A checkpoint beside it', attempt.message, REFUSED)
    attempt = bench.tool('deployment/test_onnx.py', bench.config(), bench.work_dir())
    yield Row(EXPORT, 'The folder holds none', attempt.message, REFUSED)
    attempt = bench.tool('deployment/export_onnx.py', bench.config(), checkpoint, '--out', folder)
    yield Row(EXPORT, '`--out` holds something already', attempt.message, UNCHANGED)

"""Annotation files that are missing or wrong."""

import json
from collections.abc import Iterator

from error_cases.bench import Bench, Row

GROUP = 'Annotations'


def rows(bench: Bench) -> Iterator[Row]:
    """Yield the cases."""
    good = json.dumps(bench.clip(0)) + '\n'
    second = {
        'A line is no JSON (cut off, say)': good[:40],
        'A clip without an id': json.dumps(bench.clip(1, id=None)),
        'Two clips with the same id': good,
        'Neither poses nor video': json.dumps(bench.clip(1, poses=None)),
        'No text to learn': json.dumps(bench.clip(1, text=None, gloss=None)),
        'Glosses as one text, not a list': json.dumps(bench.clip(1, gloss='GOOD MORNING')),
        'A clip that ends before it starts': json.dumps(bench.clip(1, start=20, end=10)),
        'No language, neither here nor in the config': json.dumps(bench.clip(1, lang=None)),
        'A language that the prompt cannot name': json.dumps(bench.clip(1, lang='xx')),
    }
    files = {'The file is missing': bench.folder / 'trian.jsonl', 'The file is empty': bench.write('empty.jsonl')}
    files |= {wrong: bench.write(f'train_{i}.jsonl', good + line) for i, (wrong, line) in enumerate(second.items())}
    files['A file that is no text'] = bench.write('poses.jsonl', b'\x80\x04\x95\xff\xfe')
    for wrong, path in files.items():
        attempt = bench.train({'train_dataloader.dataset.ann_file': str(path)})
        yield Row(GROUP, wrong, attempt.message, attempt.outcome)

"""Label files and language models that are missing or wrong."""

import shutil
from collections.abc import Iterator

from error_cases.bench import Bench, Row


def rows(bench: Bench) -> Iterator[Row]:
    """Yield the cases."""
    yield from _labels(bench)
    yield from _language_models(bench)


def _labels(bench: Bench) -> Iterator[Row]:
    labels = (bench.toy / 'labels_islr.txt').read_text().splitlines()
    files = {
        'The file is missing': bench.folder / 'lables.txt',
        'The file is empty': bench.write('empty.txt'),
        'A label twice': bench.write('twice.txt', '\n'.join([*labels, labels[0]])),
        'A label of the training data is not in it': bench.write('short.txt', '\n'.join(labels[:-1])),
    }
    for wrong, path in files.items():
        attempt = bench.train({'model.head.vocabularies.islr': str(path)})
        yield Row('Vocabulary', wrong, attempt.message, attempt.outcome)
    short = {'model.head.vocabularies.islr': str(files['A label of the training data is not in it'])}
    attempt = bench.test(bench.trained, short)
    warnings = [line.partition('WARNING - ')[2] for line in attempt.log.splitlines() if 'not in short.txt' in line]
    yield Row('Vocabulary', 'A label of the test data is not in it', '\n'.join(warnings), attempt.outcome)


def _language_models(bench: Bench) -> Iterator[Row]:
    for name, keep in (('bare', ('config.json',)), ('nameless', ('spiece.model',)), ('t5', ('spiece.model',))):
        for file in keep:
            bench.write(f'{name}/{file}', (bench.toy / 'language_model' / file).read_bytes())
    bench.write('t5/config.json', '{"model_type": "bert"}')
    shutil.copytree(bench.toy / 'language_model', bench.folder / 'damaged')
    bench.write('damaged/spiece.model', b'not a SentencePiece model')
    folders = {
        'The folder is missing': (bench.folder / 'langauge_model', False),
        'No tokenizer in the folder': (bench.folder / 'bare', False),
        'A damaged tokenizer': (bench.folder / 'damaged', False),
        'No `config.json` in the folder': (bench.folder / 'nameless', False),
        'Another kind of model': (bench.folder / 't5', False),
        'No weights in the folder, and `pretrained=True`': (bench.toy / 'language_model', True),
    }
    for wrong, (folder, pretrained) in folders.items():
        attempt = bench.train({'model.head.language_model': str(folder), 'model.head.pretrained': pretrained})
        yield Row('Language model', wrong, attempt.message, attempt.outcome)

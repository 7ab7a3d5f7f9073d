"""Wrong files given to ``tools/models/trim_vocabulary.py`` and ``tools/analysis/count_parameters.py``."""

import json
from collections.abc import Iterator
from pathlib import Path

from error_cases.bench import Bench, Row

TRIM = '`tools/models/trim_vocabulary.py`'
COUNT = '`tools/analysis/count_parameters.py`'


def rows(bench: Bench) -> Iterator[Row]:
    """Yield the cases."""
    full, corpus = bench.toy / 'language_model', bench.write('sentences.txt', 'good morning\nmy friend eats noodles\n')
    yield from _folders(bench, full, corpus)
    yield from _checkpoints(bench, full, corpus)
    attempt = bench.tool('analysis/count_parameters.py', bench.write('modelless.py', 'data_root = "data"\n'))
    yield Row(COUNT, 'The config has no model', attempt.message, 'Nothing is counted.')


def _folders(bench: Bench, full: Path, corpus: Path) -> Iterator[Row]:
    out = bench.folder / 'trimmed'
    config = json.loads((full / 'config.json').read_text())
    other = bench.write('few_rows/config.json', json.dumps(config | {'vocab_size': 100})).parent
    bench.write('few_rows/spiece.model', (full / 'spiece.model').read_bytes())
    bench.write('taken/notes.txt', 'mine')
    names = bench.write('names.txt', '▁good\ngoood\n')
    cases = {
        'The language model is missing': [bench.folder / 'mt5', '--corpus', corpus, '--out', out],
        'A tokenizer with more pieces than the model has rows': [other, '--corpus', corpus, '--out', out],
        'A file of the corpus is missing': [full, '--corpus', bench.folder / 'gone.txt', '--out', out],
        'The corpus holds no text': [full, '--corpus', bench.write('blank.txt', '\n \n'), '--out', out],
        'The folder to write is not empty': [full, '--corpus', corpus, '--out', bench.folder / 'taken'],
        'A piece to keep that the tokenizer does not have': [
            *(full, '--corpus', corpus, '--out', out, '--keep-pieces', names)
        ],
    }
    for wrong, arguments in cases.items():
        attempt = bench.tool('models/trim_vocabulary.py', *arguments)
        yield Row(TRIM, wrong, attempt.message, 'Something is written.' if out.exists() else 'Nothing is written.')


def _checkpoints(bench: Bench, full: Path, corpus: Path) -> Iterator[Row]:
    checkpoint, trimmed = bench.trained / 'checkpoints/epoch_1.pth', bench.folder / 'small_model'
    small, out = bench.folder / 'small.pth', bench.folder / 'out.pth'
    made = bench.tool(
        *('models/trim_vocabulary.py', full, '--corpus', corpus, '--out', trimmed),
        *('--checkpoint', checkpoint, '--out-checkpoint', small),
    )
    if made.message:
        raise RuntimeError(made.message)
    cases = {
        'A checkpoint that is trimmed already': [trimmed, '--checkpoint', small],
        'The folder is not of a trimmed language model': [full, '--checkpoint', checkpoint],
        'Merging the wrong way round': [trimmed, '--merge', checkpoint, '--checkpoint', small],
        'Merging two full checkpoints': [trimmed, '--merge', checkpoint, '--checkpoint', checkpoint],
    }
    for wrong, arguments in cases.items():
        attempt = bench.tool('models/trim_vocabulary.py', *arguments, '--out-checkpoint', out)
        yield Row(TRIM, wrong, attempt.message, 'Something is written.' if out.exists() else 'Nothing is written.')

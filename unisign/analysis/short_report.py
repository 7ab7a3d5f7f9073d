"""A short report of prediction files: one line of scores each, and a few answers beside their references."""

from collections.abc import Sequence
from pathlib import Path

from unisign.analysis.predictions_file import read_predictions
from unisign.analysis.score_text import score_predictions_file
from unisign.analysis.text_table import format_table
from unisign.evaluation import Prediction

# Task -> its name, and the scores to show: key, name. All in per cent.
SHOWN = {
    'islr': ('isolated recognition', (('top1_per_instance', 'top-1'), ('top5_per_instance', 'top-5'))),
    'cslr': ('continuous recognition', (('wer', 'WER (lower is better)'),)),
    'slt': ('translation', (('bleu4', 'BLEU-4'), ('rouge_l', 'ROUGE-L'), ('chrf', 'chrF'))),
}


def short_report(paths: Sequence[str | Path], examples: int = 6) -> str:
    """Return the report of some prediction files, each of one task, as text for a terminal.

    Args:
        paths: files that ``tools/test.py --out`` wrote.
        examples: answers to show of each file.

    Raises:
        DataError: if a file cannot be used (see ``score_predictions_file``).
    """
    rows, sections = [], []
    for path in paths:
        predictions, scores = read_predictions(path), score_predictions_file(path)
        name, shown = SHOWN[next(one.task for one in predictions if one.task)]
        figures = '   '.join(f'{label} {scores[key]:.1f}' for key, label in shown if key in scores)
        rows.append((name, str(len(predictions)), figures))
        sections.append(f'{name}: some answers\n{_examples(predictions, examples)}')
    return '\n\n'.join([format_table(('task', 'clips', 'scores in per cent'), rows, widest=80), *sections])


def _examples(predictions: list[Prediction], number: int) -> str:
    chosen = _spread(predictions, number)
    rows = [('=' if one.pred == one.ref else '', one.ref, one.pred or '(nothing)') for one in chosen]
    return format_table(('', 'reference', 'prediction'), rows, widest=52)


def _spread(predictions: list[Prediction], number: int) -> list[Prediction]:
    """Return some predictions, evenly taken from all ordered by language and clip: the same in every run."""
    ordered = sorted(predictions, key=lambda one: (one.lang or '', one.id))
    number = min(number, len(ordered))
    return [ordered[(2 * i + 1) * len(ordered) // (2 * number)] for i in range(number)]

"""Reading a predictions file (JSON Lines, see docs/evaluation.md)."""

import json
from pathlib import Path

from unisign.evaluation import Prediction
from unisign.structures import DataError

TASKS = ('slt', 'cslr', 'islr')
_TEXT_KEYS = ('pred', 'ref')
_OPTIONAL_TEXT_KEYS = ('id', 'task', 'lang', 'dataset', 'failure')
_EXPECTED = 'Each line is an object with at least "id", "pred" and "ref"; tools/test.py --out writes such a file.'


def read_predictions(path: str | Path) -> list[Prediction]:
    """Return the predictions of a file in the order of its lines.

    A line without ``id`` is named by its number.

    Raises:
        DataError: if the file is missing, empty or no UTF-8 text; or, naming the line, for broken JSON, a missing or
            ill-typed key, or a clip that occurs twice.
    """
    predictions: list[Prediction] = []
    first_lines: dict[tuple, int] = {}
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        prediction = _parse(f'{path}, line {number}', line, number)
        before = first_lines.setdefault((prediction.task, *prediction.key), number)
        if before != number:
            raise DataError(
                f'{path}, line {number}',
                f'clip {prediction.id!r} was predicted in line {before} already.',
                'Each clip counts once: remove one of the two, or say which "dataset" each belongs to.',
            )
        predictions.append(prediction)
    if not predictions:
        raise DataError(path, 'holds no prediction.', _EXPECTED)
    return predictions


def read_task_predictions(path: str | Path, task: str | None = None) -> tuple[str, list[Prediction]]:
    """Return a task and its predictions in a file; those that name no task belong to every one.

    Args:
        path: predictions file, JSON Lines.
        task: ``slt``, ``cslr`` or ``islr``; None: the one that the file names.

    Raises:
        DataError: for a file that cannot be used (see ``read_predictions``), a task that is unknown or of which there
            is no clip, or, where none is given, a file that names none or several.
    """
    predictions = read_predictions(path)
    task = task or _only_task(path, predictions)
    if task not in TASKS:
        raise DataError(path, f'task {task!r} is unknown.', f'Choose one of {", ".join(TASKS)}.')
    clips = [prediction for prediction in predictions if prediction.task in (None, task)]
    if not clips:
        found = ', '.join(sorted({str(prediction.task) for prediction in predictions}))
        raise DataError(
            path,
            f'holds no prediction of task {task!r} (found: {found}).',
            'Choose the report (--task) of that task.',
        )
    return task, clips


def _only_task(path: str | Path, predictions: list[Prediction]) -> str:
    tasks = sorted({prediction.task for prediction in predictions if prediction.task})
    if len(tasks) != 1:
        raise DataError(
            path, f'names {len(tasks)} tasks ({", ".join(tasks)}).', f'Choose one: --task {"|".join(TASKS)}.'
        )
    return tasks[0]


def _lines(path: str | Path) -> list[str]:
    try:
        # Not splitlines(): it also cuts at the line separators that may stand inside a JSON string.
        return Path(path).read_text(encoding='utf-8-sig').split('\n')
    except OSError as error:
        raise DataError(path, f'cannot be read ({error.strerror}).', 'Check the path.') from error
    except UnicodeDecodeError as error:
        raise DataError(path, f'is not UTF-8 text ({error.reason} at byte {error.start}).', _EXPECTED) from error


def _parse(source: str, line: str, number: int) -> Prediction:
    try:
        values = json.loads(line)
    except json.JSONDecodeError as error:
        raise DataError(source, f'is not valid JSON ({error.msg}, column {error.colno}).', _EXPECTED) from error
    if not isinstance(values, dict):
        raise DataError(source, f'expected a JSON object, got {type(values).__name__}.', _EXPECTED)
    if isinstance(values.get('id'), int):
        values['id'] = str(values['id'])
    missing = [key for key in _TEXT_KEYS if key not in values]
    if missing:
        raise DataError(source, f'lacks {" and ".join(map(repr, missing))}.', _EXPECTED)
    for key in _TEXT_KEYS:
        _check_text(source, key, values[key])
    for key in _OPTIONAL_TEXT_KEYS:
        if values.get(key) is not None:
            _check_text(source, key, values[key])
    return Prediction(
        id=values.get('id') or f'line {number}',
        pred=values['pred'],
        ref=values['ref'],
        score=values.get('score'),
        nbest=_check_nbest(source, values.get('nbest') or []),
        task=values.get('task'),
        lang=values.get('lang'),
        dataset=values.get('dataset') or '',
        failure=values.get('failure'),
    )


def _check_text(source: str, key: str, value: object) -> None:
    if not isinstance(value, str):
        raise DataError(source, f'{key!r} is {value!r}, expected a string.', _EXPECTED)


def _check_nbest(source: str, nbest: object) -> list[list]:
    advice = 'Leave it out if unknown.'
    if not isinstance(nbest, list):
        raise DataError(source, '"nbest" is not a list of [text, probability] pairs.', advice)
    for pair in nbest:
        if not (isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str)):
            raise DataError(source, f'"nbest" holds {pair!r}, expected a [text, probability] pair.', advice)
    return nbest

"""Every score of a predictions file, from text alone."""

from pathlib import Path

from unisign.analysis.predictions_file import read_predictions
from unisign.evaluation import Prediction
from unisign.evaluation.metrics import score_cslr_predictions, score_islr_predictions, score_slt_predictions
from unisign.structures import DataError

TASKS = ('slt', 'cslr', 'islr')


def score_predictions_file(path: str | Path, task: str | None = None, lang: str | None = None) -> dict[str, float]:
    """Return the scores of the predictions in ``path``, as ``ISLRMetric``, ``CSLRMetric`` or ``SLTMetric`` would.

    Args:
        path: predictions file, JSON Lines.
        task: ``slt``, ``cslr`` or ``islr``: the clips of other tasks are left out, those that name none belong to
            it. None: the task that the predictions name.
        lang: language of all texts, whatever the predictions say; None: the language that each prediction names.
            Only translation depends on it.

    Raises:
        DataError: for a file that cannot be used (see ``read_predictions``), a task that is unknown or of which there
            is no clip, or a translation whose language nobody names.
    """
    predictions = read_predictions(path)
    task = task or _only_task(path, predictions)
    if task not in TASKS:
        raise DataError(path, f'task {task!r} is unknown.', f'Choose one of {", ".join(TASKS)}.')
    clips = [prediction for prediction in predictions if prediction.task in (None, task)]
    if not clips:
        found = ', '.join(sorted({str(prediction.task) for prediction in predictions}))
        raise DataError(path, f'holds no prediction of task {task!r} (found: {found}).', 'Choose another --task.')
    try:
        if task == 'slt':
            return score_slt_predictions(clips, lang)
        return score_cslr_predictions(clips) if task == 'cslr' else score_islr_predictions(clips)
    except DataError as error:
        raise DataError(path, f'{error.source}: {error.problem}', error.advice) from error


def _only_task(path: str | Path, predictions: list[Prediction]) -> str:
    tasks = sorted({prediction.task for prediction in predictions if prediction.task})
    if len(tasks) != 1:
        raise DataError(
            path, f'names {len(tasks)} tasks ({", ".join(tasks)}).', f'Choose one: --task {"|".join(TASKS)}.'
        )
    return tasks[0]

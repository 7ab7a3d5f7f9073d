"""Every score of a predictions file, from text alone."""

from pathlib import Path

from unisign.analysis.predictions_file import read_task_predictions
from unisign.evaluation import Prediction
from unisign.evaluation.metrics import score_cslr_predictions, score_islr_predictions, score_slt_predictions
from unisign.structures import DataError


def score_predictions_file(path: str | Path, task: str | None = None, lang: str | None = None) -> dict[str, float]:
    """Return the scores of the predictions in ``path``, as ``ISLRMetric``, ``CSLRMetric`` or ``SLTMetric`` would.

    Args:
        path: predictions file, JSON Lines.
        task: ``slt``, ``cslr`` or ``islr``: the clips of other tasks are left out, those that name none belong to
            it. None: the task that the predictions name.
        lang: language of all texts, whatever the predictions say; None: the language that each prediction names.
            Only translation depends on it.

    Raises:
        DataError: for a file that cannot be used (see ``read_task_predictions``), or a translation whose language
            nobody names.
    """
    task, clips = read_task_predictions(path, task)
    return score_predictions(path, task, clips, lang)


def score_predictions(
    source: str | Path, task: str, clips: list[Prediction], lang: str | None = None
) -> dict[str, float]:
    """Return the scores of ``clips``, all of ``task``.

    Raises:
        DataError: if they cannot be scored; it names ``source``, the file they came from.
    """
    try:
        if task == 'slt':
            return score_slt_predictions(clips, lang)
        return score_cslr_predictions(clips) if task == 'cslr' else score_islr_predictions(clips)
    except DataError as error:
        raise DataError(source, f'{error.source}: {error.problem}', error.advice) from error

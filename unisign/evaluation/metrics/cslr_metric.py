"""``CSLRMetric``."""

from unisign.evaluation.functional import score_cslr
from unisign.evaluation.metrics.prediction import Prediction
from unisign.evaluation.metrics.text_metric import TextMetric, of_task
from unisign.registry import METRICS


@METRICS.register_module()
class CSLRMetric(TextMetric):
    """Word error rates of continuous recognition: ``wer_jiwer`` and, by the published alignment, ``wer``.

    See ``unisign.evaluation.functional.score_cslr``. A clip that could not be read counts its glosses as deleted.

    Args:
        prefix: goes before the names of the scores, ``dev`` or ``test``.
    """

    task = 'cslr'

    def __init__(self, prefix: str | None = None) -> None:
        super().__init__(prefix)

    def compute_metrics(self, results: list[Prediction]) -> dict[str, float]:
        """Return the rates, in percent.

        Raises:
            DataError: if no clip is of task ``cslr``, or no reference holds a gloss.
        """
        return score_cslr_predictions(of_task(results, 'cslr'))


def score_cslr_predictions(predictions: list[Prediction]) -> dict[str, float]:
    """Return the error rates of ``predictions``."""
    return score_cslr([p.ref for p in predictions], [p.pred for p in predictions])

"""``ISLRMetric``."""

from unisign.evaluation.functional import score_islr
from unisign.evaluation.metrics.prediction import Prediction
from unisign.evaluation.metrics.text_metric import TextMetric, of_task
from unisign.registry import METRICS


@METRICS.register_module()
class ISLRMetric(TextMetric):
    """Accuracy of isolated recognition: ``top1_per_instance``, ``top1_per_class``, with n-best lists also top-5.

    See ``unisign.evaluation.functional.score_islr``. A clip that could not be read counts as wrong.

    Args:
        prefix: goes before the names of the scores, ``dev`` or ``test``.
    """

    task = 'islr'

    def __init__(self, prefix: str | None = None) -> None:
        super().__init__(prefix)

    def compute_metrics(self, results: list[Prediction]) -> dict[str, float]:
        """Return the scores, in percent.

        Raises:
            DataError: if no clip is of task ``islr``.
        """
        return score_islr_predictions(of_task(results, 'islr'))


def score_islr_predictions(predictions: list[Prediction]) -> dict[str, float]:
    """Return the accuracies of ``predictions``; top-5 where any of them holds an n-best list."""
    nbest = [[text for text, _ in prediction.nbest] for prediction in predictions]
    return score_islr(
        [prediction.ref for prediction in predictions],
        [prediction.pred for prediction in predictions],
        nbest if any(nbest) else None,
    )

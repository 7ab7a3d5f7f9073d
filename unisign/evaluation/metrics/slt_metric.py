"""``SLTMetric``."""

from unisign.evaluation.functional import score_slt
from unisign.evaluation.metrics.prediction import Prediction
from unisign.evaluation.metrics.text_metric import TextMetric, of_task
from unisign.registry import METRICS
from unisign.structures import DataError


@METRICS.register_module()
class SLTMetric(TextMetric):
    """Translation scores: ``bleu1`` .. ``bleu4``, ``rouge_l``, ``chrf``; per language too where a set mixes them.

    See ``unisign.evaluation.functional.score_slt``. A clip that could not be read counts as an empty translation.

    Args:
        prefix: goes before the names of the scores, ``dev`` or ``test``.
    """

    task = 'slt'

    def __init__(self, prefix: str | None = None) -> None:
        super().__init__(prefix)

    def compute_metrics(self, results: list[Prediction]) -> dict[str, float]:
        """Return the scores, 0..100.

        Raises:
            DataError: if no clip is of task ``slt``, or one does not state its language.
        """
        return score_slt_predictions(of_task(results, 'slt'))


def score_slt_predictions(predictions: list[Prediction], lang: str | None = None) -> dict[str, float]:
    """Return the scores of ``predictions``, all in ``lang`` if given, otherwise each in its own language.

    Raises:
        DataError: if ``lang`` is None and a prediction does not state its language.
    """
    langs = languages_of(predictions, lang)
    return score_slt([p.ref for p in predictions], [p.pred for p in predictions], langs)


def languages_of(predictions: list[Prediction], lang: str | None = None) -> list[str]:
    """Return the language of each prediction: ``lang`` if given, otherwise its own.

    Raises:
        DataError: if ``lang`` is None and a prediction does not state its language.
    """
    langs = [lang or prediction.lang or '' for prediction in predictions]
    unknown = [prediction.id for prediction, its_lang in zip(predictions, langs, strict=True) if not its_lang]
    if unknown:
        raise DataError(
            f'clip {unknown[0]}',
            f'{len(unknown)} of {len(langs)} predictions do not say in which language they are.',
            'Chinese is scored by characters, so it must be known: put "lang" into the annotations (or give --lang).',
        )
    return langs

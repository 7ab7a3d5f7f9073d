"""``BLEURTMetric``: an optional, learned score."""

from pathlib import Path

from unisign.evaluation.metrics.prediction import Prediction
from unisign.evaluation.metrics.text_metric import TextMetric, of_task
from unisign.registry import METRICS
from unisign.structures import DataError

_PACKAGE_ADVICE = (
    'BLEURTMetric needs the package "bleurt", which brings TensorFlow: '
    'pip install git+https://github.com/google-research/bleurt.git'
)
_CHECKPOINT_ADVICE = (
    'Download one, e.g. https://storage.googleapis.com/bleurt-oss-21/BLEURT-20.zip, unpack it and give its folder as '
    'checkpoint.'
)


@METRICS.register_module()
class BLEURTMetric(TextMetric):
    """``bleurt``: mean BLEURT of the translations times 100 (Sellam et al., ACL 2020); not bound to 0..100.

    Package and checkpoint are looked for when the metric is built, so that a run stops before it starts. Scores
    depend on the checkpoint: name it beside them.

    Args:
        checkpoint: folder of an unpacked BLEURT checkpoint.
        batch_size: sentence pairs scored at once.
        prefix: goes before the name of the score, ``dev`` or ``test``.

    Raises:
        ImportError: if the package is not installed.
        DataError: if the folder holds no checkpoint.
    """

    task = 'slt'

    def __init__(self, checkpoint: str, batch_size: int = 16, prefix: str | None = None) -> None:
        super().__init__(prefix)
        try:
            from bleurt.score import BleurtScorer
        except ImportError as error:
            raise ImportError(_PACKAGE_ADVICE) from error
        if not (Path(checkpoint) / 'bleurt_config.json').is_file():
            raise DataError(checkpoint, 'holds no BLEURT checkpoint (no bleurt_config.json).', _CHECKPOINT_ADVICE)
        self.batch_size = batch_size
        self.scorer = BleurtScorer(str(checkpoint))

    def compute_metrics(self, results: list[Prediction]) -> dict[str, float]:
        """Return the mean score over the clips of task ``slt``.

        Raises:
            DataError: if there is none.
        """
        clips = of_task(results, 'slt')
        scores = self.scorer.score(
            references=[clip.ref for clip in clips],
            candidates=[clip.pred for clip in clips],
            batch_size=self.batch_size,
        )
        return {'bleurt': 100 * sum(scores) / len(scores)}

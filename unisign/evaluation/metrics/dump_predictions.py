"""``DumpPredictions``: the predictions of a run as a file."""

import json
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from mmengine.logging import print_log

from unisign.evaluation.metrics.prediction import Prediction
from unisign.evaluation.metrics.text_metric import TextMetric
from unisign.registry import METRICS


@METRICS.register_module()
class DumpPredictions(TextMetric):
    """Write one JSON line per clip, each clip once, sorted by dataset and clip id; no scores.

    A line holds ``id``, ``pred``, ``ref``, ``score``, ``nbest``, ``task``, ``lang``, ``dataset`` and, where the clip
    could not be read, ``failure``. The same predictions give the same bytes, whatever the number of ranks.

    Args:
        out_file: file to write; its folder is made, a file of that name is replaced.
    """

    per_dataset = False

    def __init__(self, out_file: str) -> None:
        super().__init__(prefix='predictions')  # no score bears it; without one MMEngine would warn
        self.out_file = Path(out_file)

    def compute_metrics(self, results: list[Prediction]) -> dict[str, float]:
        """Write the file (rank 0 only, after gathering) and return no scores."""
        write_predictions(self.out_file, results)
        print_log(f'Predictions of {len(results)} clips: {self.out_file}', logger='current')
        return {}


def write_predictions(path: str | Path, predictions: Iterable[Prediction]) -> None:
    """Write ``predictions`` as JSON Lines; the file appears complete or not at all.

    Raises:
        OSError: if the folder cannot be made or written to.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f'.{path.name}.', dir=path.parent)
    try:
        with os.fdopen(handle, 'w', encoding='utf-8') as file:
            for prediction in predictions:
                file.write(json.dumps(prediction.to_line(), ensure_ascii=False, allow_nan=False) + '\n')
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o666 & ~_umask())  # mkstemp makes it readable to its owner alone
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask

"""What the metrics of all tasks share: keep one prediction per clip and gather them over the ranks without loss."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from mmengine.dist import all_gather_object, broadcast_object_list, is_main_process
from mmengine.evaluator import BaseMetric

from unisign.evaluation.metrics.prediction import Prediction, from_data_sample
from unisign.structures import DataError

NAMED_CLIPS = 5  # so many lost clips an error names; the rest it counts


class TextMetric(BaseMetric):
    """A metric over the predictions of all clips, each exactly once.

    MMEngine's own gathering deals the ranks' results out by position and cuts the list at the size of the dataset, so
    with shards of unequal length it can drop a clip and keep another twice. Here clips are told apart by dataset and
    id: a repeated one counts once, a lost one is an error on every rank.

    Where the clips come from several datasets, the scores of each follow, with its name before them: beside
    ``dev/bleu4``, which is over all clips, ``dev/csl-news/bleu4``.

    Args:
        prefix: goes before the names of the scores (``dev/wer``); None for no prefix.

    Attributes:
        task: the task whose clips are scored; None for all.
        per_dataset: whether datasets are also scored one by one.
    """

    task: ClassVar[str | None] = None
    per_dataset: ClassVar[bool] = True

    def __init__(self, prefix: str | None = None) -> None:
        super().__init__(prefix=prefix)
        self.results: list[Prediction] = []

    def process(self, data_batch: object, data_samples: Sequence[dict]) -> None:
        """Keep the predictions of one batch.

        Args:
            data_batch: unused.
            data_samples: ``SignDataSample`` or their dicts, with ``pred_text``; clips with ``failure`` included.
        """
        self.results.extend(map(from_data_sample, data_samples))

    def evaluate(self, size: int) -> dict[str, float]:
        """Return the scores over the predictions of all ranks, the same on every rank.

        Args:
            size: number of clips in the dataset.

        Raises:
            DataError: if clips were lost or the set is empty, on every rank, so that none waits for another.
        """
        gathered = [prediction for part in all_gather_object(self.results) for prediction in part]
        self.results.clear()
        outcome: list = [None]
        failure: Exception | None = None
        if is_main_process():
            try:
                outcome = [self._all_scores(self._each_clip_once(gathered, size))]
            except Exception as error:  # raised below, once the other ranks know
                failure, outcome = error, [str(error)]
        broadcast_object_list(outcome)
        if failure is not None:
            raise failure
        if isinstance(outcome[0], str):
            raise DataError(self._set_name(), f'rank 0 could not score it: {outcome[0]}')
        return {f'{self.prefix}/{name}' if self.prefix else name: value for name, value in outcome[0].items()}

    @abstractmethod
    def compute_metrics(self, results: list[Prediction]) -> dict[str, float]:
        """Return the scores of ``results``, one prediction per clip, sorted by dataset and clip id."""

    def _all_scores(self, predictions: list[Prediction]) -> dict[str, float]:
        """Return the scores of all clips, and of each dataset if there are several."""
        scores = self.compute_metrics(predictions)
        datasets: dict[str, list[Prediction]] = {}
        for prediction in predictions if self.per_dataset else ():
            if self.task is None or prediction.task in (None, self.task):
                datasets.setdefault(prediction.dataset, []).append(prediction)
        if len(datasets) > 1:
            for name, part in datasets.items():
                scores |= {f'{name}/{key}': value for key, value in self.compute_metrics(part).items()}
        return scores

    def _each_clip_once(self, gathered: list[Prediction], size: int) -> list[Prediction]:
        if size == 0:
            raise DataError(self._set_name(), 'the dataset holds no clips, there is nothing to score.')
        clips: dict[tuple[str, str], Prediction] = {}
        for prediction in gathered:
            clips.setdefault(prediction.key, prediction)
        if len(clips) != size:
            raise DataError(
                self._set_name(),
                f'{len(clips)} distinct clips were predicted, the dataset holds {size}.{self._lost(clips)}',
                'Clip ids must be unique within a dataset, and the sampler must give every clip to one rank.',
            )
        return [clips[key] for key in sorted(clips)]

    def _lost(self, clips: dict[tuple[str, str], Prediction]) -> str:
        expected = (self.dataset_meta or {}).get('clip_ids')
        if expected is None:
            return ''
        lost = sorted(set(expected) - {prediction.id for prediction in clips.values()})
        more = f' and {len(lost) - NAMED_CLIPS} more' if len(lost) > NAMED_CLIPS else ''
        return f' Lost: {", ".join(lost[:NAMED_CLIPS])}{more}.' if lost else ''

    def _set_name(self) -> str:
        return f'{self.prefix or "evaluated"} set'


def of_task(predictions: list[Prediction], task: str) -> list[Prediction]:
    """Return the clips of ``task``; those that name no task belong to every one.

    So a set that mixes tasks can be scored by one metric per task.

    Raises:
        DataError: if no clip is left.
    """
    kept = [prediction for prediction in predictions if prediction.task in (None, task)]
    if not kept:
        found = ', '.join(sorted({str(prediction.task) for prediction in predictions}))
        raise DataError(
            'evaluation', f'none of the {len(predictions)} clips is of task {task!r} (found: {found}).',
            "Name the metric of the dataset's task in the config.",
        )  # fmt: skip
    return kept

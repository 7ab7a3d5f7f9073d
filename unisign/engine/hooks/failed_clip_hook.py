"""Clips that cannot be read are named, counted, and stop the run when they are too many."""

import json
from pathlib import Path
from typing import Any

from mmengine.dist import all_gather_object, get_rank, get_world_size
from mmengine.hooks import Hook

from unisign.datasets.concat_sign_dataset import single_datasets
from unisign.registry import HOOKS
from unisign.structures import DataError

Failed = dict[tuple[str, str], str]  # (dataset, clip id) -> error
Key = tuple[str, str, str]  # split, dataset, clip id


@HOOKS.register_module()
class FailedClipHook(Hook):
    """Reports the clips in a batch's ``failed_clips``, and those that go on without pictures of the hands.

    Each is logged once and appended to ``<work_dir>/failed_clips_rank{r}.jsonl`` as ``{"id", "split", "dataset",
    "error"}``; a clip that goes on (``LoadHandCrops(missing_video='skip')``) also has ``"used": "poses only"``, and is
    not counted as failed. The run stops when the distinct failed clips of a dataset exceed the share of it that its
    ``max_failed_share`` allows: as soon as one process has seen so many, or at the end of an epoch if all processes
    together have. Of datasets that are mixed (``ConcatSignDataset``) each is counted for itself.

    Args:
        max_failed_share: for datasets without a ``max_failed_share`` of their own.
    """

    def __init__(self, max_failed_share: float = 0.01) -> None:
        self.max_failed_share = max_failed_share
        self._failed: dict[str, Failed] = {}  # by split
        self._poses_only: set[Key] = set()
        self._reported: set[Key] | None = None

    def after_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Report this batch's failed clips."""
        self._report(runner, data_batch, 'train')

    def after_val_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Report this batch's failed clips."""
        self._report(runner, data_batch, 'val')

    def after_test_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Report this batch's failed clips."""
        self._report(runner, data_batch, 'test')

    def after_train_epoch(self, runner: Any) -> None:
        """Count the failed clips of all processes."""
        self._count_together(runner, 'train')
        runner.collective_stop.raise_together()

    def before_val_score(self, runner: Any) -> None:
        """Count the failed clips of all processes, before the scores are computed."""
        self._count_together(runner, 'val')

    def before_test_score(self, runner: Any) -> None:
        """Count the failed clips of all processes, before the scores are computed."""
        self._count_together(runner, 'test')

    def _report(self, runner: Any, data_batch: Any, split: str) -> None:
        samples = data_batch.get('failed_clips', ()) if isinstance(data_batch, dict) else ()
        path = Path(runner.work_dir) / f'failed_clips_rank{get_rank()}.jsonl'
        self._report_poses_only(runner, data_batch, split, path)
        if not samples:
            return
        failed = self._failed.setdefault(split, {})
        for sample in samples:
            dataset, clip, error = str(sample.get('dataset', '')), str(sample.clip_id), str(sample.failure)
            if (dataset, clip) in failed:
                continue
            failed[dataset, clip] = error
            runner.logger.warning(f'Clip {clip} ({split}) cannot be used and is left out: {error}')
            self._append(path, dict(id=clip, split=split, dataset=dataset, error=error))
        self._stop_if_too_many(runner, split, failed, path)

    def _report_poses_only(self, runner: Any, data_batch: Any, split: str, path: Path) -> None:
        """Report the clips of the batch whose video was skipped."""
        samples = data_batch.get('data_samples', ()) if isinstance(data_batch, dict) else ()
        for sample in samples or ():
            error = sample.get('rgb_failure') if hasattr(sample, 'get') else None
            dataset, clip = str(sample.get('dataset', '')), str(sample.clip_id)
            if error is None or (split, dataset, clip) in self._poses_only:
                continue
            self._poses_only.add((split, dataset, clip))
            number = sum(other == split for other, _, _ in self._poses_only)
            runner.logger.warning(
                f'Clip {clip} ({split}) is used without pictures of the hands ({number} such clips so far): {error}'
            )
            self._append(path, dict(id=clip, split=split, dataset=dataset, error=str(error), used='poses only'))

    def _append(self, path: Path, record: dict[str, str]) -> None:
        """Add a line to the report unless an earlier part of the run has it."""
        if self._reported is None:
            self._reported = _reported_in(path)
        key = record['split'], record['dataset'], record['id']
        if key in self._reported:
            return
        self._reported.add(key)
        with path.open('a', encoding='utf-8') as file:
            file.write(json.dumps(record, ensure_ascii=False) + '\n')

    def _count_together(self, runner: Any, split: str) -> None:
        if get_world_size() > 1:
            everywhere: Failed = {}
            for failed in all_gather_object(self._failed.get(split, {})):
                everywhere.update(failed)
            self._stop_if_too_many(runner, split, everywhere, Path(runner.work_dir) / 'failed_clips_rank*.jsonl')

    def _stop_if_too_many(self, runner: Any, split: str, failed: Failed, report: Path) -> None:
        datasets = list(single_datasets(getattr(runner, f'{split}_dataloader').dataset))
        for dataset in datasets:
            mixed, its_name = len(datasets) > 1, getattr(dataset, 'name', '')
            mine = {clip: error for (name, clip), error in failed.items() if not mixed or name == its_name}
            share = getattr(dataset, 'max_failed_share', self.max_failed_share)
            if len(mine) > share * len(dataset):
                clip, error = next(iter(mine.items()))
                runner.collective_stop.request(
                    DataError(
                        f'{split}_dataloader' + (f', dataset {its_name!r}' if mixed else ''),
                        f'{len(mine)} of {len(dataset)} clips cannot be used, more than max_failed_share={share} '
                        f'allows (first: {clip}: {error}).',
                        f"See {report}; repair the data, or raise the dataset's max_failed_share.",
                    )
                )


def _reported_in(path: Path) -> set[Key]:
    """Return the keys of a report, and end the line that a killed process may have left half."""
    text = path.read_text(encoding='utf-8') if path.is_file() else ''
    if text and not text.endswith('\n'):
        path.write_text(text + '\n', encoding='utf-8')
    found = set()
    for line in text.splitlines():
        try:
            entry = json.loads(line)
            found.add((entry['split'], entry['dataset'], entry['id']))
        except (ValueError, KeyError):
            continue
    return found

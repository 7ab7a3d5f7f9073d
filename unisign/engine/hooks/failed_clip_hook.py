"""Clips that cannot be read are named, counted, and stop the run when they are too many."""

import json
from pathlib import Path
from typing import Any

from mmengine.dist import all_gather_object, get_rank, get_world_size
from mmengine.hooks import Hook

from unisign.registry import HOOKS
from unisign.structures import DataError


@HOOKS.register_module()
class FailedClipHook(Hook):
    """Reports the clips in a batch's ``failed_clips``, and those that go on without pictures of the hands.

    Each is logged once and appended to ``<work_dir>/failed_clips_rank{r}.jsonl`` as ``{"id", "split", "dataset",
    "error"}``; a clip that goes on (``LoadHandCrops(missing_video='skip')``) also has ``"used": "poses only"``, and is
    not counted as failed. The run stops when the distinct failed clips of a split exceed the share of the dataset that
    its ``max_failed_share`` allows: as soon as one process has seen so many, or at the end of an epoch if all processes
    together have.

    Args:
        max_failed_share: for datasets without a ``max_failed_share`` of their own.
    """

    def __init__(self, max_failed_share: float = 0.01) -> None:
        self.max_failed_share = max_failed_share
        self._failed: dict[str, dict[str, str]] = {}  # split -> clip id -> error
        self._poses_only: set[tuple[str, str]] = set()  # (split, clip id)
        self._reported: set[tuple[str, str]] | None = None

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
            clip, error = str(sample.clip_id), str(sample.failure)
            if clip in failed:
                continue
            failed[clip] = error
            runner.logger.warning(f'Clip {clip} ({split}) cannot be used and is left out: {error}')
            self._append(path, dict(id=clip, split=split, dataset=str(sample.get('dataset', '')), error=error))
        self._stop_if_too_many(runner, split, failed, path)

    def _report_poses_only(self, runner: Any, data_batch: Any, split: str, path: Path) -> None:
        """Report the clips of the batch whose video was skipped."""
        samples = data_batch.get('data_samples', ()) if isinstance(data_batch, dict) else ()
        for sample in samples or ():
            error = sample.get('rgb_failure') if hasattr(sample, 'get') else None
            if error is None or (split, str(sample.clip_id)) in self._poses_only:
                continue
            clip = str(sample.clip_id)
            self._poses_only.add((split, clip))
            number = sum(other == split for other, _ in self._poses_only)
            runner.logger.warning(
                f'Clip {clip} ({split}) is used without pictures of the hands ({number} such clips so far): {error}'
            )
            dataset = str(sample.get('dataset', ''))
            self._append(path, dict(id=clip, split=split, dataset=dataset, error=str(error), used='poses only'))

    def _append(self, path: Path, record: dict[str, str]) -> None:
        """Add a line to the report unless an earlier part of the run has it."""
        if self._reported is None:
            self._reported = _reported_in(path)
        if (record['split'], record['id']) in self._reported:
            return
        self._reported.add((record['split'], record['id']))
        with path.open('a', encoding='utf-8') as file:
            file.write(json.dumps(record, ensure_ascii=False) + '\n')

    def _count_together(self, runner: Any, split: str) -> None:
        if get_world_size() > 1:
            everywhere: dict[str, str] = {}
            for failed in all_gather_object(self._failed.get(split, {})):
                everywhere.update(failed)
            self._stop_if_too_many(runner, split, everywhere, Path(runner.work_dir) / 'failed_clips_rank*.jsonl')

    def _stop_if_too_many(self, runner: Any, split: str, failed: dict[str, str], report: Path) -> None:
        dataset = getattr(runner, f'{split}_dataloader').dataset
        share = getattr(dataset, 'max_failed_share', self.max_failed_share)
        if len(failed) > share * len(dataset):
            clip, error = next(iter(failed.items()))
            runner.collective_stop.request(
                DataError(
                    f'{split}_dataloader',
                    f'{len(failed)} of {len(dataset)} clips cannot be used, more than max_failed_share={share} allows '
                    f'(first: {clip}: {error}).',
                    f'See {report}; repair the data, or raise dataset.max_failed_share.',
                )
            )


def _reported_in(path: Path) -> set[tuple[str, str]]:
    """Return the (split, clip id) pairs of a report, and end the line that a killed process may have left half."""
    text = path.read_text(encoding='utf-8') if path.is_file() else ''
    if text and not text.endswith('\n'):
        path.write_text(text + '\n', encoding='utf-8')
    found = set()
    for line in text.splitlines():
        try:
            entry = json.loads(line)
            found.add((entry['split'], entry['id']))
        except (ValueError, KeyError):
            continue
    return found

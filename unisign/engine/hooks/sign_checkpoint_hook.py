"""When checkpoints are written, which is the best, and which are removed."""

import math
import re
import time
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import broadcast, is_main_process
from mmengine.hooks import Hook

from unisign.engine.checkpoint_io import checkpoint_folder, point_to_last, read_checkpoint, to_plain
from unisign.registry import HOOKS
from unisign.structures import DataError

LOWER_IS_BETTER = ('wer', 'loss', 'error')
HIGHER_IS_BETTER = ('top1', 'top5', 'acc', 'bleu', 'rouge', 'chrf', 'bleurt')


@HOOKS.register_module()
class SignCheckpointHook(Hook):
    """Writes checkpoints on optimizer-step boundaries into ``<work_dir>/checkpoints``.

    ``epoch_N.pth`` after epoch N, before its validation; ``iter_N.pth`` within an epoch, after N batches of each
    process; ``best_<metric>.pth`` (weights only) after a validation that beat the earlier ones. ``last_checkpoint``
    names the newest complete one of the first two kinds; older ones are removed only after it has been written.

    Args:
        interval: in epochs; 0 writes none at the end of epochs but the last.
        interval_steps: also after every so many optimizer steps.
        interval_minutes: also when this time has passed since the last one (by the clock of the main process).
        max_keep_ckpts: how many to keep, the best not counted; 0 keeps all.
        save_best: metric that chooses the best checkpoint, as the log names it: ``dev/bleu4``. It must be one of the
            dev split, never of the test split.
        rule: ``greater`` or ``less``: which scores are better; None derives it from the metric's name.

    Raises:
        DataError: if ``save_best`` is not a dev metric, or no rule is known for it.
    """

    priority = 'VERY_LOW'

    def __init__(
        self,
        interval: int = 1,
        interval_steps: int | None = None,
        interval_minutes: float | None = None,
        max_keep_ckpts: int = 2,
        save_best: str | None = None,
        rule: str | None = None,
    ) -> None:
        self.interval = interval
        self.interval_steps = interval_steps
        self.interval_minutes = interval_minutes
        self.max_keep_ckpts = max_keep_ckpts
        self.save_best = check_save_best(save_best)
        self.rule = rule_of(save_best, rule) if save_best else None
        self.best: dict[str, Any] | None = None  # score, epoch, step
        self._due = False
        self._last_time = time.monotonic()

    @property
    def best_name(self) -> str:
        """File name of the best checkpoint."""
        return f'best_{re.sub(r"[^0-9A-Za-z]+", "_", self.save_best or "")}.pth'

    def before_train(self, runner: Any) -> None:
        """Start the clock."""
        self._last_time = time.monotonic()

    def after_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Write a checkpoint within an epoch if one is due."""
        loop = runner.train_loop
        if not loop.at_step_boundary:
            return
        progress = loop.progress
        self._due |= bool(self.interval_steps) and progress.step % self.interval_steps == 0
        self._due |= self.interval_minutes is not None and self._time_is_up(60 * self.interval_minutes)
        if self._due and progress.batch:  # the end of an epoch has its own hook
            self._save(runner, f'iter_{progress.iter}.pth')

    def _time_is_up(self, seconds: float) -> bool:
        """Tell the same on every process: all take part in writing where the weights are spread out over them."""
        up = torch.tensor([float(time.monotonic() - self._last_time >= seconds)])
        broadcast(up)
        return bool(up.item())

    def after_train_epoch(self, runner: Any) -> None:
        """Write a checkpoint after an epoch if one is due; always after the last."""
        epoch = runner.train_loop.progress.epoch
        if self._due or epoch == runner.max_epochs or (self.interval and epoch % self.interval == 0):
            self._save(runner, f'epoch_{epoch}.pth')

    def _save(self, runner: Any, name: str) -> None:
        """Write a checkpoint, point to it, then remove the old ones."""
        folder = checkpoint_folder(runner.work_dir)
        runner.logger.info(f'Saving checkpoint {name}')
        runner.save_checkpoint(str(folder), name)
        self._due, self._last_time = False, time.monotonic()
        if is_main_process():
            point_to_last(folder / name)
            self._remove_old(folder, runner.train_loop)

    def _remove_old(self, folder: Path, loop: Any) -> None:
        if not self.max_keep_ckpts:
            return
        now = loop.progress.iter
        ages = {}
        for file in folder.glob('*.pth'):
            kind, _, number = file.stem.partition('_')
            if kind in ('epoch', 'iter') and number.isdigit():
                ages[file] = int(number) * (len(loop.dataloader) if kind == 'epoch' else 1)
        done = sorted((age, file) for file, age in ages.items() if age <= now)
        for _, file in done[: -self.max_keep_ckpts]:
            file.unlink(missing_ok=True)

    def before_save_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """Put the best score so far into the checkpoint."""
        checkpoint['best'] = self.best

    def after_resume(self, runner: Any, checkpoint: dict) -> None:
        """Take up the best score: from the best checkpoint itself, which may be newer than the resumed one."""
        self.best = checkpoint.get('best')
        if self.save_best is None or not is_main_process():
            return
        path = checkpoint_folder(runner.work_dir) / self.best_name
        if not path.is_file():
            if self.best is not None:
                runner.logger.warning(f'{path} is gone: the next validation chooses a new best checkpoint.')
            self.best = None
            return
        found: dict[str, Any] | None = read_checkpoint(path).get('best')
        if found is not None and found != self.best:
            runner.logger.info(
                f'{path.name} ({self.save_best} {found["score"]:.4f} after epoch {found["epoch"]}) is not the one that '
                'the resumed checkpoint knows: it stays the best until a better one comes.'
            )
        self.best = found

    def after_val_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Keep the weights if they are the best so far, then record the validation as finished."""
        if runner.validation_history is None or not runner.is_training:
            return
        if self.save_best is not None and is_main_process():
            self._keep_best(runner, metrics or {})
        progress = runner.train_loop.progress
        if is_main_process():
            runner.validation_history.add(progress.epoch, progress.step, to_plain(metrics or {}, 'metrics'))

    def _keep_best(self, runner: Any, metrics: dict[str, float]) -> None:
        if self.save_best not in metrics:
            raise DataError(
                'default_hooks.checkpoint.save_best',
                f'{self.save_best!r} is not among the metrics.',
                f'The validation gives: {", ".join(sorted(metrics))}.',
            )
        score = float(metrics[self.save_best])
        if math.isnan(score) or (self.best is not None and not self._is_better(score, self.best['score'])):
            return
        progress = runner.train_loop.progress
        self.best = dict(metric=self.save_best, score=score, epoch=progress.epoch, step=progress.step)
        runner.save_checkpoint(
            str(checkpoint_folder(runner.work_dir)), self.best_name, save_optimizer=False, save_param_scheduler=False
        )
        runner.logger.info(f'{self.save_best} {score:.4f} after epoch {progress.epoch} is the best: {self.best_name}')

    def _is_better(self, score: float, than: float) -> bool:
        return score < than if self.rule == 'less' else score > than


def check_save_best(save_best: str | None) -> str | None:
    """Return ``save_best`` if it is None or a metric of the dev split.

    Raises:
        DataError: otherwise.
    """
    if save_best is not None:
        check_dev_metric(save_best, 'default_hooks.checkpoint.save_best')
    return save_best


def check_dev_metric(metric: str, key: str) -> None:
    """Refuse a metric that is not one of the dev split.

    Args:
        metric: its name.
        key: what named it, for the error.

    Raises:
        DataError: if so.
    """
    if not metric.startswith(('dev/', 'dev_')):
        raise DataError(
            key,
            f'must be a metric of the dev split (dev/...), got {metric!r}.',
            "Checkpoints are chosen on dev, never on test; give the validation's metric prefix='dev'.",
        )


def rule_of(metric: str, rule: str | None, key: str = 'default_hooks.checkpoint.rule') -> str:
    """Return ``greater`` or ``less``: which scores of ``metric`` are better; ``key`` is for the error.

    Raises:
        DataError: if ``rule`` is neither of them, or it is None and the metric's name is not known.
    """
    if rule in ('greater', 'less'):
        return rule
    name = re.split(r'[/_]', metric, maxsplit=1)[-1].rpartition('/')[2].lower()  # without split and dataset
    if rule is None and any(part in name for part in HIGHER_IS_BETTER):
        return 'greater'
    if rule is None and any(part in name for part in LOWER_IS_BETTER):
        return 'less'
    raise DataError(
        key,
        f'got {rule!r} for {metric!r}.',
        "Say rule='greater' or rule='less': which scores are better.",
    )

"""No more training once the model does not get better."""

from typing import Any

from mmengine.hooks import EarlyStoppingHook as MMEngineEarlyStoppingHook

from unisign.engine.hooks.sign_checkpoint_hook import check_dev_metric, rule_of
from unisign.registry import HOOKS
from unisign.structures import DataError

_KEY = 'EarlyStoppingHook.monitor'


@HOOKS.register_module()
class EarlyStoppingHook(MMEngineEarlyStoppingHook):
    """MMEngine's early stopping, with a memory: a resumed run knows the validations before.

    Training ends after ``patience`` validations in a row that were not better than the best by ``min_delta`` or more.
    All processes have the same scores, so all stop.

    Args:
        monitor: metric of the dev split, as the log names it: ``dev/bleu4``.
        rule: ``greater`` or ``less``: which scores are better; None derives it from the metric's name.
        min_delta: what counts as better, in the metric's own unit (percent).
        patience: validations without a better score before training ends.
        stopping_threshold: also end as soon as the score is better than this.
        check_finite: also end if the score is no finite number.

    Raises:
        DataError: if ``monitor`` is not a dev metric, or no rule is known for it.
    """

    def __init__(
        self,
        monitor: str,
        rule: str | None = None,
        min_delta: float = 0.1,
        patience: int = 5,
        stopping_threshold: float | None = None,
        check_finite: bool = True,
    ) -> None:
        check_dev_metric(monitor, _KEY)
        super().__init__(
            monitor,
            rule=rule_of(monitor, rule, 'EarlyStoppingHook.rule'),
            min_delta=min_delta,
            strict=True,
            check_finite=check_finite,
            patience=patience,
            stopping_threshold=stopping_threshold,
        )

    def before_run(self, runner: Any) -> None:
        """Do nothing: MMEngine's own looks at the training loop, which a test would build for that."""

    def after_resume(self, runner: Any, checkpoint: dict) -> None:
        """Look again at the scores of the validations before the checkpoint."""
        for entry in runner.validation_history.entries:
            if self.monitor in entry['metrics']:
                self.after_val_epoch(runner, entry['metrics'])

    def after_val_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Decide whether training ends.

        Raises:
            DataError: if the metric is not among those of the validation.
        """
        metrics = metrics or {}
        if self.monitor not in metrics:
            raise DataError(
                _KEY, f'{self.monitor!r} is not among the metrics.', f'There are: {", ".join(sorted(metrics))}.'
            )
        super().after_val_epoch(runner, metrics)

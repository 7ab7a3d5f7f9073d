"""Steps the schedulers when the optimizer has stepped, not with every batch."""

from typing import Any

from mmengine.hooks import ParamSchedulerHook

from unisign.registry import HOOKS


@HOOKS.register_module()
class OptimizerStepSchedulerHook(ParamSchedulerHook):
    """MMEngine's scheduler hook, for schedulers that count optimizer steps (``by_epoch=False``).

    With gradient accumulation MMEngine steps them with every batch; here they step once for each optimizer step.
    """

    def after_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Step the schedulers if this batch ended in an optimizer step."""
        if runner.train_loop.at_step_boundary:
            super().after_train_iter(runner, batch_idx, data_batch, outputs)

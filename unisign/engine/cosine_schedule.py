"""The learning-rate schedule of every stage: a cosine to zero, counted in optimizer steps (spec.md, section 1)."""

import math

from mmengine.optim import BaseOptimWrapper, _ParamScheduler
from torch.optim import Optimizer

from unisign.registry import PARAM_SCHEDULERS


@PARAM_SCHEDULERS.register_module()
class StepCosineLR(_ParamScheduler):
    """Cosine from the optimizer's learning rate to 0 over all optimizer steps of the run.

    Step t of T (counted from 0) is taken with ``lr * (1 + cos(pi * t / T)) / 2``; with ``warmup_steps = W`` the first
    W steps use ``lr * (t + 1) / W`` and the cosine runs over the other T - W.

    Args:
        optimizer: what to schedule; each parameter group keeps its own starting value.
        end: T, the number of optimizer steps; ``SignRunner`` fills it in from the loader's length, the epochs and the
            gradient accumulation.
        warmup_steps: W, in optimizer steps; the published recipe has none.
        epoch_length: optimizer steps in an epoch; accepted because the runner gives it to every scheduler, not used.
        last_step: for MMEngine's interface; -1 starts from the beginning.

    Raises:
        ValueError: if the warm-up is negative or leaves no step for the cosine.
    """

    def __init__(
        self,
        optimizer: BaseOptimWrapper | Optimizer,
        end: int,
        warmup_steps: int = 0,
        epoch_length: int | None = None,
        last_step: int = -1,
    ) -> None:
        if not 0 <= warmup_steps < end:
            raise ValueError(f'warmup_steps must be at least 0 and below the {end} optimizer steps, got {warmup_steps}')
        self.warmup_steps = warmup_steps
        super().__init__(optimizer, 'lr', begin=0, end=end + 1, last_step=last_step, by_epoch=False)

    def _get_value(self) -> list[float]:
        return [value * self.factor(self.last_step) for value in self.base_values]

    def factor(self, step: int) -> float:
        """Return the share of the starting learning rate, 0..1, with which step ``step`` (from 0) is taken."""
        if step < self.warmup_steps:
            return (step + 1) / self.warmup_steps
        total = self.end - 1 - self.warmup_steps
        return 0.5 * (1.0 + math.cos(math.pi * (step - self.warmup_steps) / total))

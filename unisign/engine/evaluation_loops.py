"""Validation and test loops: every process predicts its share, the metrics gather them."""

from contextlib import nullcontext
from typing import Any

import torch
from mmengine.device import get_device
from mmengine.evaluator import Evaluator
from mmengine.runner import BaseLoop
from torch.utils.data import DataLoader

from unisign.registry import LOOPS


class _EvaluationLoop(BaseLoop):
    """What validation and test share: a pass over the data without a collective call until its end.

    Processes may have different numbers of batches, also none.
    """

    mode: str  # 'val' or 'test': the names of the hooks, and of the model's step

    def __init__(
        self,
        runner: Any,
        dataloader: DataLoader | dict,
        evaluator: Evaluator | dict | list,
        amp_dtype: str | None = None,
    ) -> None:
        super().__init__(runner, dataloader)
        self.evaluator = runner.build_evaluator(evaluator)
        self.evaluator.dataset_meta = getattr(self.dataloader.dataset, 'metainfo', None)
        self.amp_dtype = amp_dtype

    def run(self) -> dict[str, float]:
        """Predict and score every clip; returns the metrics, the same on every process.

        Raises:
            DataError: on every process, if a hook asked for a stop.
        """
        runner = self.runner
        runner.call_hook(f'before_{self.mode}')
        runner.call_hook(f'before_{self.mode}_epoch')
        runner.model.eval()
        for batch_idx, data_batch in enumerate(self.dataloader):
            self.run_iter(batch_idx, data_batch)
            if runner.collective_stop.requested:
                break
        runner.call_hook(f'before_{self.mode}_score')
        runner.collective_stop.raise_together()
        metrics = self.evaluator.evaluate(len(self.dataloader.dataset))
        runner.call_hook(f'after_{self.mode}_epoch', metrics=metrics)
        runner.call_hook(f'after_{self.mode}')
        return metrics

    @torch.no_grad()
    def run_iter(self, batch_idx: int, data_batch: dict) -> None:
        """Predict one batch."""
        self.runner.call_hook(f'before_{self.mode}_iter', batch_idx=batch_idx, data_batch=data_batch)
        with self._precision():
            outputs = getattr(self.runner.model, f'{self.mode}_step')(data_batch)
        self.evaluator.process(data_samples=outputs, data_batch=data_batch)
        self.runner.call_hook(f'after_{self.mode}_iter', batch_idx=batch_idx, data_batch=data_batch, outputs=outputs)

    def _precision(self) -> Any:
        if self.amp_dtype is None:
            return nullcontext()
        return torch.autocast(get_device(), dtype=getattr(torch, self.amp_dtype))


@LOOPS.register_module()
class SignValLoop(_EvaluationLoop):
    """Validation on dev.

    Args:
        runner: the runner that owns the loop.
        dataloader: validation data, or its config.
        evaluator: metrics, or their config.
        amp_dtype: ``bfloat16`` to predict in mixed precision; None is float32.
    """

    mode = 'val'


@LOOPS.register_module()
class SignTestLoop(_EvaluationLoop):
    """Test; the arguments are those of :class:`SignValLoop`."""

    mode = 'test'

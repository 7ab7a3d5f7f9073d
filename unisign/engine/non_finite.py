"""A loss or gradient that is not finite stops the run and names the clips (and leaves no checkpoint behind)."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from mmengine.optim import AmpOptimWrapper

from unisign.structures import DataError

ADVICE = (
    'No checkpoint holds this state. Look at these clips with tools/data/browse_dataset.py; if they are sound, lower '
    'the learning rate or the clipping norm and go on with --resume.'
)


class NonFiniteGuard:
    """Looks at the loss of each batch, and at the gradient norm of each optimizer step where clipping computes it."""

    def __init__(self) -> None:
        self._clips: list[str] = []  # of the batches since the last optimizer step

    def check(self, runner: Any, outputs: Mapping[str, Any], data_batch: Any, stepped: bool) -> None:
        """Ask ``runner.collective_stop`` for a stop if something is not finite.

        Args:
            runner: the runner; its message hub holds the gradient norm.
            outputs: what ``train_step`` returned: values to log, each a number or a tensor with one element.
            data_batch: the batch, with ``data_samples``.
            stepped: whether the batch ended in an optimizer step.

        Raises:
            DataError: at once, in a run of one process.
        """
        clips = clip_ids(data_batch)
        self._clips += clips
        where = f'epoch {runner.epoch + 1}, batch {runner.iter + 1}'
        bad = [name for name, value in outputs.items() if 'loss' in name and not _is_finite(value)]
        if bad:
            runner.collective_stop.request(
                DataError(where, f'{", ".join(bad)} is not finite; clips of the batch: {_join(clips)}.', ADVICE)
            )
        elif stepped and not self._gradient_is_finite(runner):
            runner.collective_stop.request(
                DataError(where, f'the gradient is not finite; clips of the step: {_join(self._clips)}.', ADVICE)
            )
        if stepped:
            self._clips = []

    @staticmethod
    def _gradient_is_finite(runner: Any) -> bool:
        wrapper, scalars = runner.optim_wrapper, runner.message_hub.log_scalars
        if isinstance(wrapper, AmpOptimWrapper) and wrapper._scale_update_param is None:
            return True  # a dynamic loss scale overflows on purpose and skips the step itself
        return 'train/grad_norm' not in scalars or math.isfinite(scalars['train/grad_norm'].current())


def clip_ids(data_batch: Any) -> list[str]:
    """Return the ids of a batch's clips; ['unknown'] for batches that are not ours."""
    samples = data_batch.get('data_samples') if isinstance(data_batch, Mapping) else None
    if samples is None:
        return ['unknown']
    return [str(getattr(sample, 'clip_id', 'unknown')) for sample in samples]


def _join(clips: list[str], most: int = 64) -> str:
    shown = ', '.join(clips[:most])
    return shown + (f' and {len(clips) - most} more' if len(clips) > most else '')


def _is_finite(value: Any) -> bool:
    return bool(torch.isfinite(torch.as_tensor(value)).all())

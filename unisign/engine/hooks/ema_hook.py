"""Averaged weights beside those that are trained."""

from typing import Any

from mmengine.hooks import EMAHook as MMEngineEMAHook

from unisign.registry import HOOKS


@HOOKS.register_module()
class EMAHook(MMEngineEMAHook):
    """MMEngine's exponential moving average, once an optimizer step.

    MMEngine's own also averages after the batches of an accumulated step, which change nothing. As there, validation
    and tests use the averaged weights, and a checkpoint's ``state_dict`` holds them; the trained ones stand in
    ``ema_state_dict``, for resuming. A checkpoint that cannot be resumed (the best) holds the averaged ones alone. The
    statistics of batch norm are those of the trained model unless ``update_buffers=True``.

    Args:
        momentum: (ema_type's) share of the new weights: average = (1 - momentum) * average + momentum * weights.
        begin_iter: batches before the first average; until then it equals the trained weights.
        begin_epoch: the same in epochs.
    """

    def after_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Average, if this batch ended in an optimizer step."""
        if runner.train_loop.at_step_boundary:
            super().after_train_iter(runner, batch_idx, data_batch, outputs)

    def before_save_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """Put the averaged weights in the place of the trained ones."""
        super().before_save_checkpoint(runner, checkpoint)
        if 'optimizer' not in checkpoint:
            del checkpoint['ema_state_dict']

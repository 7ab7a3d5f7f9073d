"""Stands in for synchronised batch norm's running statistics where there is no GPU."""

from typing import Any

import torch
from mmengine.dist import all_reduce, get_world_size
from mmengine.hooks import Hook

from unisign.registry import HOOKS

RUNNING_STATISTICS = ('running_mean', 'running_var')


@HOOKS.register_module()
class BufferAverageHook(Hook):
    """Averages the running statistics of batch norm over the processes after each optimizer step.

    Without synchronised batch norm each process normalises with its own batch's statistics; the running ones, used
    in evaluation and saved in checkpoints, would drift apart. After this hook every process holds the same. Frozen
    parts, which are in evaluation mode, are left alone.
    """

    priority = 'ABOVE_NORMAL'  # before EMAHook takes them up

    def after_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Average, if this batch ended in an optimizer step."""
        if get_world_size() == 1 or not runner.train_loop.at_step_boundary:
            return
        buffers = [
            buffer
            for module in runner.model.modules()
            for name, buffer in module.named_buffers(recurse=False)
            if module.training and name in RUNNING_STATISTICS
        ]
        if not buffers:
            return
        flat = torch.cat([buffer.reshape(-1) for buffer in buffers])
        all_reduce(flat, op='mean')
        for buffer, mean in zip(buffers, flat.split([buffer.numel() for buffer in buffers]), strict=True):
            buffer.copy_(mean.view_as(buffer))

"""Whether a checkpoint is of the run that it should go on with."""

from collections.abc import Mapping
from typing import Any

from unisign.engine.checkpoint_io import to_plain
from unisign.engine.hooks.ema_hook import EMAHook
from unisign.structures import DataError


def run_essentials(runner: Any) -> dict[str, Any]:
    """Return what must not change between a checkpoint and its resumption."""
    loader, wrapper = runner.train_loop.dataloader, runner.cfg.optim_wrapper
    return dict(
        world_size=runner.world_size,
        seed=runner.seed,
        max_epochs=runner.max_epochs,
        dataset_length=len(loader.dataset),
        mixture=getattr(getattr(loader.batch_sampler, 'sampler', None), 'mixture', None),
        batch_size=getattr(loader.batch_sampler, 'batch_size', None),
        batches_per_epoch=len(loader),
        steps_per_epoch=runner.train_loop.steps_per_epoch,
        # their state comes from the checkpoint, so that changes in the config would be ignored
        optimizer=to_plain(wrapper.get('optimizer')),
        paramwise_cfg=to_plain(wrapper.get('paramwise_cfg')),
        param_scheduler=to_plain(runner.cfg.get('param_scheduler')),
        # a checkpoint of a run with averaged weights keeps the trained ones in another place
        ema=next((to_plain(hook.ema_cfg) for hook in runner.hooks if isinstance(hook, EMAHook)), None),
    )


def check_same_run(filename: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuse a checkpoint of another run.

    Args:
        filename: the checkpoint.
        before: ``run_essentials`` when it was written; what it does not name is not compared.
        now: those of the run that should go on.

    Raises:
        DataError: naming what differs.
    """
    different = [
        f'{name} was {before[name]}, is {value}'
        for name, value in now.items()
        if name in before and before[name] != value
    ]
    if different:
        raise DataError(
            filename,
            f'was written by a run with other settings: {"; ".join(different)}.',
            'Resume with the settings of that run; to change them start a new run with load_from set to this file.',
        )

"""Copying weights into a model, with a report on what did not fit."""

import torch

from unisign.checkpoints.adapters import is_adapter
from unisign.engine.sharded_state import shard_weights
from unisign.structures import DataError


def load_into(model: torch.nn.Module, state_dict: dict[str, torch.Tensor], source: str, strict: bool) -> str:
    """Copy weights into ``model``; returns a line on what was missing or unexpected.

    Raises:
        DataError: if shapes differ, nothing fits, or ``strict`` and a name is missing or unexpected.
    """
    own = model.state_dict()
    shapes = [
        f'{name} {list(weight.shape)} (the model has {list(own[name].shape)})'
        for name, weight in state_dict.items()
        if name in own and weight.shape != own[name].shape
    ]
    missing = [name for name in own if name not in state_dict]
    if not strict:
        missing = [name for name in missing if not is_adapter(name)]  # adapters start by changing nothing
    unexpected = [name for name in state_dict if name not in own]
    lines = [
        f'{label}: {_some(names)}.'
        for label, names in (('other shape', shapes), ('missing', missing), ('unexpected', unexpected))
        if names
    ]
    if shapes or not any(name in own for name in state_dict) or (strict and lines):
        raise DataError(
            source,
            f'does not fit the model. {" ".join(lines)}',
            "Use the config that it was trained with ('meta.cfg').",
        )
    model.load_state_dict(shard_weights(state_dict, model), strict=False)
    return ' '.join(lines)


def _some(names: list[str], most: int = 8) -> str:
    return ', '.join(names[:most]) + (f' and {len(names) - most} more' if len(names) > most else '')

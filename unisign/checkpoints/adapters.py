"""Names of weights in models with and without LoRA adapters (peft's): a checkpoint of either kind fits the other."""

from collections.abc import Collection, Mapping

from torch import Tensor

from unisign.structures import DataError

_BASE = 'base_layer.'
_MARK = '.lora_'


def is_adapter(name: str) -> bool:
    """Tell whether a weight of this name is part of an adapter."""
    return _MARK in name


def fit_adapter_names(state: Mapping[str, Tensor], own: Collection[str], source: object) -> dict[str, Tensor]:
    """Return the weights under the names of a model whose layers may have been wrapped by adapters.

    A layer ``q`` with an adapter keeps its own weight as ``q.base_layer.weight``. What a file without adapters calls
    ``q.weight`` gets that name; the adapters themselves then stay as they are, and at their start they change nothing.

    Args:
        state: the file's weights by name.
        own: the model's names.
        source: the file, for the error.

    Raises:
        DataError: if the file holds adapters that the model lacks: left out, its layers would not do what they learnt.
    """
    lost = [name for name in state if is_adapter(name) and name not in own]
    if lost:
        raise DataError(
            source,
            f'holds LoRA adapters that the model lacks ({len(lost)}, such as {lost[0]}).',
            'Use the config that it was trained with (model.head.lora), or merge them into the weights: '
            'python tools/models/merge_adapters.py CONFIG CHECKPOINT OUT.',
        )
    return {_fitting(name, own): weight for name, weight in state.items()}


def _fitting(name: str, own: Collection[str]) -> str:
    module, _, weight = name.rpartition('.')
    wrapped = f'{module}.{_BASE}{weight}'
    return wrapped if name not in own and wrapped in own else name

"""LoRA adapters (Hu et al., ICLR 2022) for the language model, by the package ``peft``."""

import importlib
import inspect
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from torch import nn

from unisign.structures import DataError

INSTALL_LORA = "pip install 'unisign[lora]'"
_KEY = 'model.head.lora'


def add_adapters(
    model: nn.Module,
    r: int = 16,
    alpha: float = 32,
    dropout: float = 0.0,
    target_modules: Sequence[str] = ('q', 'v'),
    also_train: Sequence[str] = (),
) -> None:
    """Freeze a language model and add a low-rank update, which learns, to some of its linear layers.

    A layer W then computes ``W x + alpha / r * B A dropout(x)``, A being r wide. B starts at 0, so that at first the
    model answers as before.

    Args:
        model: the language model; it is changed.
        r: rank.
        alpha: factor, see above.
        dropout: share of the adapters' inputs that are set to 0 in training.
        target_modules: names of the layers by their last parts: of mT5 ``q``, ``k``, ``v``, ``o`` in attention,
            ``wi_0``, ``wi_1``, ``wo`` in the feed-forward layers.
        also_train: parts of the model that train as a whole beside the adapters, by name or pattern: ``*layer_norm``,
            ``lm_head``.

    Raises:
        DataError: if peft is not installed, for a number out of range, or a name that fits no layer.
    """
    _check_numbers(r, alpha, dropout)
    peft = _import_peft('peft')
    targets = [target_modules] if isinstance(target_modules, str) else list(target_modules)
    modules = dict(model.named_modules())
    linear = [name for name, module in modules.items() if isinstance(module, nn.Linear)]
    for target in targets:
        if not any(name == target or name.endswith(f'.{target}') for name in linear):
            known = ', '.join(sorted({name.rpartition('.')[2] for name in linear}))
            raise DataError(f'{_KEY}.target_modules', f'{target!r} is no linear layer.', f'There are: {known}.')
    config = peft.LoraConfig(r=r, lora_alpha=alpha, lora_dropout=dropout, target_modules=targets)
    peft.inject_adapter_in_model(config, model)
    for pattern in also_train:
        fitting = [name for name in modules if name and fnmatchcase(name, pattern)]
        if not fitting:
            raise DataError(
                f'{_KEY}.also_train',
                f'{pattern!r} fits no part of the language model.',
                f'Its parts are {", ".join(name for name, _ in model.named_children())}; *layer_norm means all norms.',
            )
        for name in fitting:
            modules[name].requires_grad_()


def merge_adapters(model: nn.Module) -> int:
    """Add each adapter in ``model`` to its layer's weight and put the plain layer back; return how many there were."""
    peft_layer = _import_peft('peft.tuners.tuners_utils').BaseTunerLayer
    wrapped = [(name, module) for name, module in model.named_modules() if isinstance(module, peft_layer)]
    for name, module in wrapped:
        module.merge()
        parent, _, child = name.rpartition('.')
        setattr(model.get_submodule(parent), child, module.get_base_layer())
    return len(wrapped)


def check_adapter_keys(lora: Mapping[str, Any]) -> None:
    """Refuse keys that ``add_adapters`` does not know.

    Raises:
        DataError: naming them.
    """
    known = list(inspect.signature(add_adapters).parameters)[1:]
    unknown = sorted(set(lora) - set(known))
    if unknown:
        raise DataError(_KEY, f'has the unknown keys {", ".join(unknown)}.', f'Known: {", ".join(known)}.')


def _import_peft(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise DataError(
            _KEY, f'needs the package peft ({error}).', f"Install the extra 'lora': {INSTALL_LORA}"
        ) from error


def _check_numbers(r: int, alpha: float, dropout: float) -> None:
    for name, value, fits, expected in (
        ('r', r, isinstance(r, int) and r > 0, 'a whole number above 0'),
        ('alpha', alpha, isinstance(alpha, int | float) and alpha > 0, 'a number above 0'),
        ('dropout', dropout, isinstance(dropout, int | float) and 0 <= dropout < 1, 'from 0 to below 1'),
    ):
        if not fits:
            raise DataError(f'{_KEY}.{name}', f'should be {expected}, got {value!r}.')

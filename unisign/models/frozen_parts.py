"""Parts of a model that do not learn."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from torch import nn

from unisign.structures import DataError


def freeze(model: nn.Module, patterns: Sequence[str]) -> list[str]:
    """Switch off the gradients of some parts of a model.

    Args:
        model: the model.
        patterns: names of modules or parameters below it, or patterns of the shell's kind; ``*`` also spans dots.

    Returns:
        The names of the frozen modules, which should be kept in evaluation mode.

    Raises:
        DataError: for a pattern that fits nothing.
    """
    modules = {name: module for name, module in model.named_modules() if name}
    parameters = dict(model.named_parameters())
    frozen = []
    for pattern in patterns:
        fitting = [name for name in modules if fnmatchcase(name, pattern)]
        alone = [name for name in parameters if fnmatchcase(name, pattern)]
        if not fitting and not alone:
            raise DataError('model.frozen', f'{pattern!r} fits no part of the model.', f'Parts are: {_parts(model)}.')
        for name in fitting:
            modules[name].requires_grad_(False)
        for name in alone:
            parameters[name].requires_grad_(False)
        frozen += fitting
    return list(dict.fromkeys(frozen))


def _parts(model: nn.Module) -> str:
    """Return the names of the modules with weights, three levels deep at most."""
    names = [name for name, part in model.named_modules() if name and any(True for _ in part.parameters())]
    return ', '.join(name for name in names if name.count('.') < 3)

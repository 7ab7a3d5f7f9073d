"""What the config tests look at: every ``type`` in a config against the class it names."""

import inspect
from collections.abc import Iterator
from pathlib import Path

import mmengine.registry.root as mmengine_root
from mmengine.config import Config
from mmengine.registry import Registry
from mmengine.runner import Runner

import unisign.registry

# What a config may hold at its top besides the Runner's arguments: names that its own lines use.
HELPER_NAMES = {
    'data',
    'data_root',
    'train_pipeline',
    'test_pipeline',
    'runner_type',
    'auto_scale_lr',
    'custom_imports',
}


def config_files(configs: Path) -> list[Path]:
    """Return every config that can be run: all files below ``configs`` outside ``_base_``."""
    return sorted(path for path in configs.rglob('*.py') if '_base_' not in path.relative_to(configs).parts)


def all_registries() -> dict[str, Registry]:
    """Return the registries by variable name, ours in place of MMEngine's where we have a child."""
    found = {name: value for name, value in vars(mmengine_root).items() if isinstance(value, Registry)}
    return found | {
        name: value for name, value in vars(unisign.registry).items() if type(value).__name__ == 'SignRegistry'
    }


def typed_nodes(value: object, path: str = '') -> Iterator[tuple[str, dict]]:
    """Yield (dotted path, dict) for every dict with a ``type``, outermost first."""
    if isinstance(value, dict):
        if 'type' in value:
            yield path, value
        for key, child in value.items():
            yield from typed_nodes(child, f'{path}.{key}'.lstrip('.'))
    elif isinstance(value, list | tuple):
        for index, child in enumerate(value):
            yield from typed_nodes(child, f'{path}[{index}]')


def classes_named(name: object, registries: dict[str, Registry]) -> list[object]:
    """Return everything registered under ``name`` in any registry."""
    if not isinstance(name, str):
        return [name]
    found = []
    for registry in registries.values():
        try:
            found.append(registry.get(name))
        except KeyError:
            continue
    return [value for value in found if value is not None]


def accepted_arguments(factory: object) -> set[str] | None:
    """Return the argument names a class or function takes, those its parents take through ``**kwargs`` included.

    None means that anything is taken: the last of the chain has ``**kwargs`` as well.
    """
    names: set[str] = set()
    owners = (
        [owner for owner in factory.__mro__ if '__init__' in vars(owner)] if inspect.isclass(factory) else [factory]
    )
    for owner in owners:
        parameters = inspect.signature(owner.__init__ if inspect.isclass(owner) else owner).parameters.values()
        names |= {p.name for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            return names
    return None


def problems_of(config: Config) -> list[str]:
    """Return everything wrong with a config's names and arguments, one line each."""
    registries, content, problems = all_registries(), config.to_dict(), []
    for path, node in typed_nodes(content):
        factories = classes_named(node['type'], registries)
        if not factories:
            problems.append(f'{path}: type {node["type"]!r} is registered nowhere')
            continue
        unknown = [
            set(node) - {'type', '_scope_'} - (accepted_arguments(factory) or set(node)) for factory in factories
        ]
        fewest = min(unknown, key=len)
        if fewest:
            problems.append(f'{path}: {node["type"]} takes no {", ".join(map(repr, sorted(fewest)))}')
    runner_arguments = set(inspect.signature(Runner.__init__).parameters)
    problems += [f'{key}: no argument of the Runner' for key in content if key not in runner_arguments | HELPER_NAMES]
    return problems

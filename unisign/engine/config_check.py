"""Reading a config, and checking its names and arguments before anything is built."""

import contextlib
import difflib
import inspect
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import Registry, root
from mmengine.runner import Runner
from torch.utils.data import DataLoader

import unisign.registry as ours
from unisign.engine.argument_types import wrong_types
from unisign.engine.config_names import find_config
from unisign.engine.hooks.sign_checkpoint_hook import check_save_best
from unisign.structures import DataError

# Keys that Runner and the registries' build functions take out of a node before the class sees it.
KEYS_OF_THE_BUILDERS = {'type', '_scope_', 'priority', 'constructor', 'paramwise_cfg', 'convert_to_iter_based'}
NOT_FOR_TRAINING = ('POSE_ESTIMATORS',)
DATALOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
# Keys of a data loader that MMEngine reads itself.
KEYS_OF_DATALOADERS = {'num_batch_per_epoch'}
# Top-level keys beside Runner's own arguments.
KEYS_OF_CONFIGS = {
    'runner_type',
    'compile',
    'custom_imports',
    'auto_scale_lr',
    'model_wrapper_cfg',
    'find_unused_parameters',
}


class ConfigError(DataError):
    """Something is wrong with a config."""


def read_config(path: str | Path, options: Mapping[str, Any] | None = None) -> Config:
    """Read a config file and merge ``--cfg-options`` into it.

    Args:
        path: of the file, or the name of a config, see ``find_config``.
        options: entries to change, by dotted key.

    Raises:
        DataError: if it is a name, and no config is called so.
        ConfigError: if the file or one of its bases is missing, it is no valid Python, or an option is none of the
            config's.
    """
    path = find_config(path)
    if not path.is_file():
        raise ConfigError(path, 'there is no such config file.', _nearest_configs(path))
    try:
        cfg = Config.fromfile(str(path))
    except Exception as error:  # whatever the config's own Python raises
        reason = str(error).strip().splitlines()
        raise ConfigError(
            path, f'cannot be read ({type(error).__name__}: {reason[0] if reason else ""}).', 'Check it and its _base_.'
        ) from error
    if options:
        _check_options(cfg, options)
        cfg.merge_from_dict(dict(options))
    return cfg


def _check_options(cfg: Config, options: Mapping[str, Any]) -> None:
    """Refuse options whose first key nothing would ever read; deeper ones are checked with the whole config."""
    known = set(cfg) | set(inspect.signature(Runner.__init__).parameters) | KEYS_OF_CONFIGS
    for option in options:
        key = option.split('.')[0]
        if key not in known:
            near = difflib.get_close_matches(key, sorted(known), n=1)
            hint = f'Did you mean {near[0]!r}?' if near else f'It has {", ".join(sorted(cfg))}.'
            raise ConfigError(cfg.filename, f'--cfg-options sets {option!r}, but the config has no {key!r}.', hint)


def _nearest_configs(path: Path) -> str:
    top = next((folder for folder in path.parents if folder.name == 'configs' and folder.is_dir()), None)
    folder = top or next((folder for folder in path.parents if folder.is_dir()), Path())
    configs = {str(file): file for file in sorted(folder.rglob('*.py')) if '_base_' not in file.parts}
    near = difflib.get_close_matches(str(path), configs, n=3, cutoff=0.6)
    if near:
        return f'Did you mean {" or ".join(near)}?'
    return f'{folder.resolve()} holds no config of a similar name.'


def check_config(cfg: Config) -> None:
    """Check that everything the config names exists and takes the arguments it gives.

    Raises:
        ConfigError: listing every problem found.
    """
    content = cfg.to_dict() if isinstance(cfg, Config) else cfg
    problems = list(_check_nodes(content))
    checkpoint = (content.get('default_hooks') or {}).get('checkpoint') or {}
    try:
        check_save_best(checkpoint.get('save_best'))
    except DataError as error:
        problems.append(str(error))
    if 'model' not in content:
        problems.append("model: is missing; every config needs model = dict(type='UniSign', ..)")
    if problems:
        name = getattr(cfg, 'filename', None) or 'config'
        raise ConfigError(name, f'{len(problems)} problem(s):\n  ' + '\n  '.join(problems))


def _check_nodes(content: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for each ``type`` that is registered nowhere and each argument its class does not take."""
    registries = all_registries()
    runner_arguments = inspect.signature(Runner.__init__).parameters
    for key, value in content.items():
        if key not in runner_arguments and key != 'model_wrapper_cfg':
            continue  # a helper variable of the config; what is used of it stands below a Runner's argument too
        if key in DATALOADERS and isinstance(value, Mapping):
            yield from _check_dataloader(key, value)
        for path, node in typed_nodes(value, key):
            if not isinstance(node['type'], str):
                continue
            factories = registered_as(node['type'], registries)
            if not factories:
                yield f'{path}: {_unknown_type(node["type"], registries)}'
            else:
                yield from _check_arguments(path, node, factories)


def _check_arguments(path: str, node: Mapping[str, Any], factories: Sequence[Any]) -> Iterator[str]:
    given = set(node) - KEYS_OF_THE_BUILDERS
    accepted = [accepted_arguments(factory) for factory in factories]
    unknown = min((given - (names if names is not None else given) for names in accepted), key=len)
    names = set().union(*(names for names in accepted if names is not None)) - {'self'}
    for argument in sorted(unknown):
        yield f'{path}: {node["type"]} takes no {argument!r}; {_nearest_argument(argument, names)}'
    if len(factories) == 1:
        yield from (f'{path}: {node["type"]}: {problem}' for problem in wrong_types(factories[0], node))


def _check_dataloader(path: str, node: Mapping[str, Any]) -> Iterator[str]:
    names = set(inspect.signature(DataLoader.__init__).parameters) - {'self'} | KEYS_OF_DATALOADERS
    for argument in sorted(set(node) - names):
        yield f'{path}: a data loader takes no {argument!r}; {_nearest_argument(argument, names)}'


def _nearest_argument(argument: str, names: Collection[str]) -> str:
    near = difflib.get_close_matches(argument, sorted(names), n=1)
    return f'did you mean {near[0]!r}?' if near else f'it takes {", ".join(sorted(names)) or "no arguments"}.'


def all_registries() -> dict[str, Registry]:
    """Return MMEngine's registries and ours by variable name, ours in place of the parent."""
    found = {name: value for name, value in vars(root).items() if isinstance(value, Registry)}
    found |= {name: value for name, value in vars(ours).items() if isinstance(value, ours.SignRegistry)}
    return dict(sorted(found.items(), key=lambda item: item[0] in NOT_FOR_TRAINING))


def typed_nodes(value: Any, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield (dotted path, node) for every dict with a ``type`` in ``value``, outermost first."""
    if isinstance(value, Mapping):
        if 'type' in value:
            yield path, value
        for key, child in value.items():
            yield from typed_nodes(child, f'{path}.{key}')
    elif isinstance(value, list | tuple):
        for index, child in enumerate(value):
            yield from typed_nodes(child, f'{path}[{index}]')


def registered_as(name: str, registries: Mapping[str, Registry]) -> list[Any]:
    """Return everything registered as ``name``; MMEngine's fallback, which imports unknown names, is not used."""
    scope, bare = Registry.split_scope_key(name)
    if scope not in (None, '', ours.SCOPE, 'mmengine'):
        return _from_another_library(name, registries)
    found: list[Any] = []
    for variable, registry in registries.items():
        if variable in NOT_FOR_TRAINING and found:
            continue  # saves the import of what a config for training hardly ever names
        registry.import_from_location()
        if bare in registry.module_dict:
            found.append(registry.module_dict[bare])
        elif registry.parent is not None and bare in registry.parent.module_dict:
            found.append(registry.parent.module_dict[bare])
    return found


def _from_another_library(name: str, registries: Mapping[str, Registry]) -> list[Any]:
    found = []
    for registry in registries.values():
        if isinstance(registry, ours.SignRegistry):
            with contextlib.suppress(KeyError):
                found.append(registry.get(name))
    return found


def _unknown_type(name: str, registries: Mapping[str, Registry]) -> str:
    if Registry.split_scope_key(name)[0] not in (None, '', ours.SCOPE, 'mmengine'):
        try:
            ours.MODELS.get(name)
        except KeyError as error:
            return error.args[0]
    known = {known for registry in registries.values() for known in registry.module_dict}
    near = difflib.get_close_matches(name.rpartition('.')[2], sorted(known), n=3, cutoff=0.5)
    hint = f'; did you mean {", ".join(map(repr, near))}?' if near else '.'
    own = 'A module of your own must be imported first: name its file in custom_imports.'
    return f'type {name!r} is registered nowhere{hint} {own}'


def accepted_arguments(factory: Any) -> set[str] | None:
    """Return the arguments that a class or function takes, or None if it takes any.

    Arguments that a class passes on through ``**kwargs`` are those of its parents.
    """
    owners = [owner for owner in factory.__mro__ if '__init__' in vars(owner)] if inspect.isclass(factory) else [None]
    names: set[str] = set()
    for owner in owners:
        try:
            parameters = inspect.signature(vars(owner)['__init__'] if owner else factory).parameters.values()
        except (TypeError, ValueError):  # written in C
            return None
        names |= {p.name for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            return names
    return None

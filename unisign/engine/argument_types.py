"""Whether a config's values are of the types that our classes' signatures state."""

import inspect
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

PACKAGE = 'unisign'
_NAMES = {str: 'a text', bool: 'True or False', type(None): 'None', int: 'a whole number', float: 'a number'}


def wrong_types(factory: Any, node: Mapping[str, Any]) -> Iterator[str]:
    """Yield a text for each argument in ``node`` whose value cannot be what ``factory`` asks for.

    Only plain values are judged (numbers, texts, None, lists, dicts), and only where the signature is ours: other
    libraries' annotations are not always kept.

    Args:
        factory: class or function with annotated arguments.
        node: name -> value, other keys too.
    """
    function = factory.__init__ if inspect.isclass(factory) else factory
    if (getattr(function, '__module__', None) or '').partition('.')[0] != PACKAGE:
        return
    try:
        hints = typing.get_type_hints(function)
    except (NameError, TypeError):  # names that exist for type checkers only
        return
    for argument in sorted(set(hints) & set(node) - {'return'}):
        value, alternatives = node[argument], _alternatives(hints[argument])
        if not any(_fits(value, alternative) for alternative in alternatives):
            names = ' or '.join(dict.fromkeys(_name(alternative) for alternative in alternatives))
            named = isinstance(value, str) and 'a dict' in names
            hint = f' Name a type, such as {argument}=dict(type={value!r}).' if named else ''
            yield f'{argument}={value!r} should be {names}, got {_name(type(value))}.{hint}'


def _alternatives(hint: Any) -> tuple[Any, ...]:
    return typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)


def _fits(value: Any, hint: Any) -> bool:
    kind = typing.get_origin(hint) or hint
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind in (str, bool, type(None)):
        return isinstance(value, kind)
    if kind in (tuple, list, Sequence):
        return isinstance(value, list | tuple)
    if kind in (dict, Mapping):
        return isinstance(value, Mapping)
    return True


def _name(hint: Any) -> str:
    kind = typing.get_origin(hint) or hint
    if kind in (tuple, list, Sequence):
        return 'a list'
    return 'a dict' if kind in (dict, Mapping) else _NAMES.get(kind, getattr(kind, '__name__', str(kind)))

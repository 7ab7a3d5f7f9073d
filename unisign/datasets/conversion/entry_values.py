"""Values of one entry or row of a corpus' file, checked: an error names the entry and what was found."""

from typing import Any

from unisign.structures import DataError

SPLIT_NAMES = {'train': 'train', 'val': 'dev', 'dev': 'dev', 'valid': 'dev', 'validation': 'dev', 'test': 'test'}


def split_of(name: object, source: str) -> str:
    """Return ``train``, ``dev`` or ``test`` for what a corpus calls it.

    Raises:
        DataError: for any other name.
    """
    split = SPLIT_NAMES.get(name.strip().lower()) if isinstance(name, str) else None
    if split is None:
        raise DataError(source, f'expected a split (train, val, dev or test), got {name!r}.')
    return split


def value_of(entry: object, key: str, kind: type | tuple[type, ...], source: str) -> Any:
    """Return ``entry[key]``, which should be a ``kind``.

    Raises:
        DataError: if the entry is no dict, the key is missing (it lists those found), or its value is something else.
    """
    if not isinstance(entry, dict):
        raise DataError(source, f'expected a dict, got a {type(entry).__name__}.')
    if key not in entry:
        raise DataError(source, f'no {key!r} among {sorted(map(str, entry))[:20]}.')
    value = entry[key]
    if not isinstance(value, kind) or isinstance(value, bool):
        names = ' or '.join(each.__name__ for each in (kind if isinstance(kind, tuple) else (kind,)))
        raise DataError(source, f'{key!r} should be {names}, got {value!r}.')
    return value


def texts_of(entry: object, key: str, source: str) -> tuple[str, ...]:
    """Return the list of texts ``entry[key]``; one text is divided at blanks, so that '' is no text at all.

    Raises:
        DataError: if it is anything else.
    """
    value = value_of(entry, key, (list, tuple, str), source)
    if isinstance(value, str):
        return tuple(value.split())
    if not all(isinstance(text, str) for text in value):
        raise DataError(source, f'{key!r} should be a list of texts, got {value!r}.')
    return tuple(value)


def seconds_of(start: str, end: str, source: str) -> tuple[float, float]:
    """Return start and end in seconds; ``00:01:02.5`` is understood too.

    Raises:
        DataError: if they are no times.
    """
    try:
        return _seconds(start), _seconds(end)
    except ValueError as error:
        raise DataError(source, f'expected times in seconds or hh:mm:ss, got {start!r} and {end!r}.') from error


def _seconds(time: str) -> float:
    total = 0.0
    for part in time.strip().replace(',', '.').split(':'):
        total = 60 * total + float(part)
    return total

"""Reading other people's pickles without running anything in them (spec.md, section 2).

A pickle is a program: it may name any function of any module and call it. The published pose and annotation files are
pickles, so this reader knows only what such files need: plain containers, str, bytes, numbers and numpy arrays of
numbers or text. None of numpy's own reconstruction functions is called with what the file says; small stand-ins check
their arguments first. Whatever else a file names is refused before it is even imported.
"""

import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from unisign.structures import ClipError

# Kinds of numpy types that hold values only: boolean, integers, floats, and text. 'O' (objects) is not among them.
PLAIN_KINDS = 'biufSU'
_ADVICE = 'Do not open such a file by other means either, unless you trust its author; ask for it as .npz instead.'


class RefusedPickle(pickle.UnpicklingError):
    """The file asks for something that data does not need."""


class _StandIn:
    """A callable that a pickle may call, but whose state it cannot change."""

    __slots__ = ('_function',)
    _function: Callable[..., Any]

    def __init__(self, function: Callable[..., Any]) -> None:
        object.__setattr__(self, '_function', function)

    def __call__(self, *args: Any) -> Any:
        return self._function(*args)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise RefusedPickle(f'it sets the attribute {name!r} of a function')

    def __setstate__(self, state: object) -> NoReturn:
        raise RefusedPickle('it changes the state of a function')


class _PickledDtype:
    """A numpy type as the file describes it; ``value`` is the checked numpy type."""

    __slots__ = ('value',)

    def __init__(self, text: object) -> None:
        self.value = _plain_dtype(text)

    def __setstate__(self, state: tuple) -> None:
        # numpy's own state: (version, byte order, subarray, names, fields, item size, alignment, flags, ...)
        if not isinstance(state, tuple) or len(state) < 5 or any(part is not None for part in state[2:5]):
            raise RefusedPickle('it holds a structured numpy type')
        if state[1] not in ('<', '>', '|', '='):
            raise RefusedPickle(f'it holds a numpy type of byte order {state[1]!r}')
        self.value = self.value.newbyteorder(state[1])


class _PickledArray(np.ndarray):
    """An array whose state is checked when the file fills it in."""

    def __setstate__(self, state: tuple) -> None:
        if not isinstance(state, tuple) or len(state) != 5 or not isinstance(state[2], _PickledDtype):
            raise RefusedPickle('it holds an array in a form that numpy does not write')
        _, shape, dtype, fortran, data = state
        super().__setstate__((1, shape, dtype.value, bool(fortran), _raw_bytes(data)))


def _plain_dtype(text: object) -> np.dtype:
    if not isinstance(text, str):
        raise RefusedPickle(f'it describes a numpy type by {type(text).__name__}')
    dtype = np.dtype(text)
    if dtype.kind not in PLAIN_KINDS or dtype.names is not None or dtype.subdtype is not None:
        raise RefusedPickle(f'it holds an array of numpy type {text!r}; only numbers and text are read')
    return dtype


def _raw_bytes(data: object) -> bytes:
    if not isinstance(data, bytes | bytearray):
        raise RefusedPickle(f'it fills an array from {type(data).__name__}')
    return bytes(data)


def _dtype(text: object, *_flags: object) -> _PickledDtype:
    return _PickledDtype(text)


def _empty_array(kind: object, shape: object, _code: object) -> np.ndarray:
    """Stand in for numpy's ``_reconstruct``: an empty array, to be filled by its state."""
    if kind is not ALLOWED['numpy', 'ndarray'] or shape != (0,):
        raise RefusedPickle('it builds an array of an unusual class')
    return np.ndarray.__new__(_PickledArray, (0,), np.uint8)


def _array_from_buffer(data: object, dtype: object, shape: tuple, order: Any) -> np.ndarray:
    """Stand in for numpy's ``_frombuffer`` (pickle protocol 5)."""
    if not isinstance(dtype, _PickledDtype):
        raise RefusedPickle('it holds an array in a form that numpy does not write')
    return np.frombuffer(_raw_bytes(data), dtype=dtype.value).reshape(shape, order=order)


def _scalar(dtype: object, data: object) -> np.generic:
    if not isinstance(dtype, _PickledDtype):
        raise RefusedPickle('it holds a number in a form that numpy does not write')
    (value,) = np.frombuffer(_raw_bytes(data), dtype=dtype.value)
    return value


def _encoded_text(text: object, encoding: object = 'latin1') -> bytes:
    """Stand in for ``_codecs.encode``, by which old protocols write bytes."""
    if not isinstance(text, str) or encoding != 'latin1':
        raise RefusedPickle('it encodes text in an unusual way')
    return text.encode('latin1')


def _no_bytes() -> bytes:
    """Stand in for ``bytes``: old protocols write b'' as a call without arguments."""
    return b''


def _not_callable(*_args: object) -> NoReturn:
    raise RefusedPickle('it calls numpy.ndarray directly')


ALLOWED: dict[tuple[str, str], _StandIn] = {
    ('numpy', 'ndarray'): _StandIn(_not_callable),
    ('numpy', 'dtype'): _StandIn(_dtype),
    ('_codecs', 'encode'): _StandIn(_encoded_text),
    ('builtins', 'bytes'): _StandIn(_no_bytes),
    ('__builtin__', 'bytes'): _StandIn(_no_bytes),
}
for _core in ('numpy.core', 'numpy._core'):  # numpy 1, numpy 2
    ALLOWED[f'{_core}.multiarray', '_reconstruct'] = _StandIn(_empty_array)
    ALLOWED[f'{_core}.multiarray', 'scalar'] = _StandIn(_scalar)
    ALLOWED[f'{_core}.numeric', '_frombuffer'] = _StandIn(_array_from_buffer)


class RestrictedUnpickler(pickle.Unpickler):
    """An unpickler that resolves nothing but the names in ``ALLOWED``, and those to stand-ins."""

    def find_class(self, module: str, name: str) -> _StandIn:
        """Return the stand-in for ``module.name``.

        Raises:
            RefusedPickle: for every other name; nothing is imported.
        """
        if (module, name) not in ALLOWED:
            raise RefusedPickle(f'it asks for {module}.{name}')
        return ALLOWED[module, name]

    def persistent_load(self, pid: object) -> NoReturn:
        """Refuse references to objects outside the file."""
        raise RefusedPickle('it refers to objects outside the file')


def loads_restricted(data: bytes, source: object) -> object:
    """Return the object in the pickle ``data``: containers, str, bytes, numbers, numpy arrays and numbers.

    Args:
        data: the pickle, any protocol.
        source: the file to name in the error.

    Raises:
        ClipError: if the pickle asks for anything else (nothing of it is run), is truncated or is no pickle.
    """
    try:
        return RestrictedUnpickler(io.BytesIO(data), encoding='latin1').load()
    except RefusedPickle as error:
        raise ClipError(source, f'this pickle was refused: {error}, which could run code.', _ADVICE) from error
    except Exception as error:  # a damaged pickle can raise nearly any error: its bytes are instructions
        raise ClipError(
            source,
            f'this file is no complete pickle ({type(error).__name__}: {error}).',
            'It may be truncated: download or extract it again.',
        ) from error


def load_restricted_pickle(path: str | Path) -> object:
    """Return the object in the pickle file ``path``; see ``loads_restricted``.

    Raises:
        ClipError: if the file cannot be read, or its pickle is refused.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ClipError(path, f'the file cannot be read ({error.strerror or error}).', 'Check the path.') from error
    return loads_restricted(data, path)

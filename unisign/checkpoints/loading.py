"""Weights from files of any origin: no code inside a file is ever run."""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from unisign.checkpoints.adapters import fit_adapter_names
from unisign.checkpoints.official import from_official, is_official
from unisign.checkpoints.zoo_weights import checkpoint_file
from unisign.structures import DataError

_WRAPPERS = ('state_dict', 'model')
_FETCH_AGAIN = 'Copy or download the file again; it is not what its sender wrote.'


def load_state_dict_file(path: str | Path) -> dict[str, Tensor]:
    """Return the weights in a checkpoint file, on the CPU, under our names.

    Accepts our checkpoints (``{'state_dict': ..}``), published ones (``{'model': ..}``, renamed), a plain state dict,
    and ``.safetensors``.

    Args:
        path: the file, or a name of the model zoo. It is read with PyTorch's strict ``weights_only`` unpickler,
            whatever it claims to be.

    Raises:
        DataError: if the file is missing, truncated, no checkpoint, wants to run code, or its weights are not finite.
    """
    state = read_state_dict(path)
    return from_official(state, path) if is_official(state) else state


def read_state_dict(path: str | Path) -> dict[str, Tensor]:
    """Return the weights in a checkpoint file, on the CPU, under the names that they have there.

    Args:
        path: see ``load_state_dict_file``.

    Raises:
        DataError: see ``load_state_dict_file``.
    """
    path = checkpoint_file(path)
    if not path.is_file():
        raise DataError(path, 'no such file; expected a checkpoint (.pth or .safetensors).', 'Check the path.')
    content = _read_safetensors(path) if path.suffix == '.safetensors' else read_plain(path)
    state = _unwrap(content)
    if not state or not all(isinstance(k, str) and isinstance(v, Tensor) for k, v in state.items()):
        raise DataError(
            path,
            'expected a state dict (name -> tensor), alone or under "state_dict" or "model"; '
            f'got {_describe(content)}.',
            'Give a checkpoint of this library, a published one, or the state dict of a model.',
        )
    _refuse_non_finite(state, path)
    return dict(state)


def load_weights(model: nn.Module, path: str | Path, strict: bool = True) -> None:
    """Load a checkpoint file into a model.

    Args:
        model: the model.
        path: see ``load_state_dict_file``.
        strict: whether names missing in the file or unknown to the model are an error. Other shapes always are.

    Raises:
        DataError: naming the weights that do not fit.
    """
    own = model.state_dict()
    state = fit_adapter_names(load_state_dict_file(path), own, path)
    problems = misfits(state, own, strict)
    if problems:
        raise DataError(
            path,
            f'the weights do not fit the model. {problems}',
            'Use the config the checkpoint was trained with' + (', or strict=False.' if strict else '.'),
        )
    model.load_state_dict(state, strict=strict)


def misfits(state: Mapping[str, Tensor], own: Mapping[str, Tensor], strict: bool = True) -> str:
    """Return what keeps a file's weights from a model, in a sentence for each kind; an empty text if nothing does.

    Args:
        state: the file's weights by name.
        own: the model's, by name; only their shapes are read, so they may lie on the meta device.
        strict: whether names missing in the file or unknown to the model count.
    """
    problems = [_names('of another shape', _misshapen(state, own))]
    if strict:
        problems.append(_names('missing in the file', [name for name in own if name not in state]))
        problems.append(_names('unknown to the model', [name for name in state if name not in own]))
    return ' '.join(problem for problem in problems if problem)


def read_plain(path: Path) -> Any:
    """Return what ``torch.save`` wrote, on the CPU: tensors, text, numbers and plain containers, nothing else.

    Raises:
        DataError: if the file is truncated, another kind of file, or wants to run code.
    """
    try:
        return torch.load(path, map_location='cpu', weights_only=True)
    except pickle.UnpicklingError as error:
        if 'GLOBAL' in str(error) or 'Unsupported class' in str(error):
            raise DataError(
                path,
                f'holds more than weights, and reading it would run code ({_offender(error)}); refused.',
                'Ask its sender for a file with tensors, numbers and strings only.',
            ) from error
        if _is_pickle(path):
            raise DataError(
                path,
                f'a pickle of a form that PyTorch does not write for weights ({_offender(error)}); refused, since to '
                'read it by other means would run code that it may hold.',
                'Ask its sender for a file with tensors, numbers and strings only.',
            ) from error
        raise DataError(path, f'not a checkpoint of plain weights ({_offender(error)}).', _FETCH_AGAIN) from error
    except Exception as error:  # zip, end-of-file, value and runtime errors, depending on where it is damaged
        raise DataError(path, f'truncated, or not a checkpoint ({_first_line(error)}).', _FETCH_AGAIN) from error


def _is_pickle(path: Path) -> bool:
    with path.open('rb') as file:
        return file.read(1) == b'\x80'


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, 'pt') as file:
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dict
            aliases = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise DataError(path, f'truncated, or not a safetensors file ({_first_line(error)}).', _FETCH_AGAIN) from error
    # Weights with several names are written once, as safetensors' own save_model does: other name -> name in the file.
    return state | {name: state[kept] for name, kept in aliases.items() if kept in state and name not in state}


def _unwrap(content: Any) -> dict[str, Any] | None:
    if not isinstance(content, Mapping):
        return None
    for key in _WRAPPERS:
        if isinstance(content.get(key), Mapping):
            return dict(content[key])
    return dict(content)


def _refuse_non_finite(state: dict[str, Tensor], path: Path) -> None:
    bad = [name for name, value in state.items() if value.is_floating_point() and not torch.isfinite(value).all()]
    if bad:
        raise DataError(
            path,
            _names('weights hold NaN or infinity', bad),
            'The training had failed by then: use an earlier checkpoint.',
        )


def _misshapen(state: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> list[str]:
    return [
        f'{name} (file {list(value.shape)}, model {list(own[name].shape)})'
        for name, value in state.items()
        if name in own and own[name].shape != value.shape
    ]


def _names(title: str, names: list[str], count: int = 8) -> str:
    if not names:
        return ''
    more = f' and {len(names) - count} more' if len(names) > count else ''
    return f'{len(names)} {title}: {", ".join(names[:count])}{more}.'


def _describe(content: Any) -> str:
    if isinstance(content, Mapping):
        return f'a dict with the keys {list(content)[:8]}'
    return f'a {type(content).__name__}'


def _offender(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if 'GLOBAL' in line or 'Unsupported' in line]
    return lines[0][:200].rstrip('.') if lines else _first_line(error)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].split('. ')[0][:200].rstrip('.') if lines else type(error).__name__

"""Published checkpoints to ours and back, strictly and to the bit."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import torch
from safetensors.torch import save
from torch import Tensor

from unisign.checkpoints import from_official, is_official, misfits, read_state_dict, to_official
from unisign.engine.checkpoint_io import write_atomically
from unisign.engine.published_layout import config_layout, published_layout
from unisign.structures import DataError
from unisign.version import __version__

EMBEDDINGS = ('.shared.weight', '.embed_tokens.weight', '.lm_head.weight')
SUFFIXES = ('.pth', '.pt', '.safetensors')


def convert_official(
    source: str | Path, target: str | Path, to_published: bool = False, config: str | Path | None = None
) -> dict[str, Tensor]:
    """Write a published checkpoint as ours, or ours as a published one.

    Args:
        source: the file: ``torch.save``'s of any age, or safetensors. Nothing in it is run.
        target: the file to write: ``.pth`` or ``.pt`` (``{'state_dict': ..}`` for ours, ``{'model': ..}`` for
            published), or ``.safetensors`` (the weights alone).
        to_published: from our names to the published ones.
        config: the config whose model the weights must fit; None demands the published model's names and sizes.

    Returns:
        The weights that were written, by name.

    Raises:
        DataError: for a file that cannot be read or written, holds code, has the wrong names already, or a weight that
            is missing, unknown or of another shape; nothing is written then.
    """
    source, target = Path(source), Path(target)
    if target.suffix not in SUFFIXES:
        raise DataError(target, f'expected a name that ends in {", ".join(SUFFIXES)}.', 'Correct the name.')
    if target.exists() and source.exists() and target.samefile(source):
        raise DataError(target, 'is the file to convert itself.', 'Give another name for the result.')
    state = read_state_dict(source)
    _check_direction(state, source, to_published)
    if config is not None:
        expected = config_layout(config)
    else:
        expected = published_layout(state if to_published else _our_names(state, source), source)
    problems = misfits(state, expected if to_published else to_official(expected))
    if problems:
        raise DataError(
            source,
            f'the weights are not those of {"the config" if config else "the published model"}. {problems}',
            'Name the config it was trained with.'
            if config
            else 'Fetch the file again; if its model has other sizes, give its config (--config).',
        )
    converted = to_official(state) if to_published else from_official(state, source)
    again = from_official(converted, source) if to_published else to_official(converted)
    changed = [name for name in state if not same_bits(state[name], again[name])]
    if changed:  # such as -0.0 in the left hand and 0.0 in the right
        raise DataError(source, f'these weights would not come back to the bit: {", ".join(changed[:5])}.')
    if to_published:
        write_weights(target, converted, 'model', share=False)  # others read it: every name is in the file
    else:
        meta = dict(unisign_version=__version__, converted_from=source.name)
        write_weights(target, converted, 'state_dict', meta)
    return converted


def same_bits(one: Tensor, other: Tensor) -> bool:
    """Tell whether two tensors have the same type, shape and bits."""
    if one.dtype != other.dtype or one.shape != other.shape:
        return False
    first, second = (tensor.contiguous().reshape(-1).view(torch.uint8) for tensor in (one, other))
    return torch.equal(first, second)


def shared_embeddings(state: Mapping[str, Tensor]) -> dict[str, str]:
    """Return the names under which an embedding stands once more, with the name it is kept under.

    Told by the values, so that the same weights are written the same way whatever file they came from.
    """
    kept: list[str] = []
    aliases: dict[str, str] = {}
    names = [name for name in state if name.endswith(EMBEDDINGS)]
    for name in sorted(names, key=lambda name: (not name.endswith('.shared.weight'), name)):
        same = next((other for other in kept if same_bits(state[name], state[other])), None)
        if same is None:
            kept.append(name)
        else:
            aliases[name] = same
    return aliases


def write_weights(
    target: Path, state: Mapping[str, Tensor], key: str, meta: Mapping[str, str] | None = None, share: bool = True
) -> None:
    """Write weights atomically.

    Args:
        target: ``.safetensors``, or another suffix for ``torch.save``.
        state: the weights by name.
        key: their entry in what ``torch.save`` writes.
        meta: text to go with them; in a ``.pth`` file under ``meta``.
        share: whether safetensors hold the language model's embedding once, its other names as metadata; our reader
            and safetensors' own ``load_model`` know them, ``load_file`` does not.
    """
    plain = {name: value.detach().cpu().contiguous() for name, value in state.items()}

    def write(file: BinaryIO) -> None:
        if target.suffix != '.safetensors':
            torch.save({key: plain} | ({'meta': dict(meta)} if meta else {}), file)
            return
        aliases = shared_embeddings(plain) if share else {}
        own = {name: value.clone() for name, value in plain.items() if name not in aliases}
        header, values = _safetensors(own, {'format': 'pt', **(meta or {}), **aliases})
        file.write(header)
        file.write(values)

    write_atomically(target, write)


def _safetensors(state: dict[str, Tensor], metadata: dict[str, str]) -> tuple[bytes, memoryview]:
    """Return the header and the values of a safetensors file, the same bytes for the same weights.

    The library writes the metadata in an order that changes with every call, and with it the hash of the file.
    """
    content = memoryview(save(state, metadata=metadata))
    start = 8 + int.from_bytes(content[:8], 'little')
    header = json.loads(bytes(content[8:start]))
    header = {'__metadata__': dict(sorted(metadata.items()))} | {
        name: entry for name, entry in header.items() if name != '__metadata__'
    }
    text = json.dumps(header, separators=(',', ':')).encode()
    text += b' ' * (-len(text) % 8)  # the values start at a multiple of 8
    return len(text).to_bytes(8, 'little') + text, content[start:]


def _check_direction(state: dict[str, Tensor], source: Path, to_published: bool) -> None:
    ours = any(name.startswith(('pose_encoder.', 'head.')) for name in state)
    published = is_official(state)
    if ours == published:
        raise DataError(
            source,
            f'holds the weights of another model; its names are {", ".join(list(state)[:3])}, ..',
            'Give a published Uni-Sign checkpoint, or one of this library.',
        )
    if published and to_published:
        raise DataError(source, 'has the published names already.', 'Leave --to-official out to convert it to ours.')
    if ours and not to_published:
        raise DataError(source, "has this library's names already.", 'Add --to-official to convert it to the others.')


def _our_names(state: dict[str, Tensor], source: Path) -> dict[str, Tensor]:
    """Return the known weights under our names, to tell the model's sizes by, whatever else is wrong."""
    renamed: dict[str, Tensor] = {}
    for name, value in state.items():
        if name.startswith(('mt5_model.', 'rgb_', 'fusion_pose_rgb', 'fusion_gate.')):
            try:
                renamed |= from_official({name: value}, source)
            except DataError:
                continue  # unknown, and told with all that is
    return renamed

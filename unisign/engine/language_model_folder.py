"""A language model's folder in Hugging Face's layout, read and written without building the model."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor
from transformers import AutoConfig

from unisign.checkpoints import read_state_dict
from unisign.engine.checkpoint_io import write_text_atomically
from unisign.engine.convert_official import same_bits, write_weights
from unisign.engine.vocabulary_rows import row_names
from unisign.structures import DataError

SAFETENSORS = 'model.safetensors'
_WEIGHTS = (SAFETENSORS, 'pytorch_model.bin')  # whole, or in parts with NAME.index.json
_CONFIGS = ('config.json', 'generation_config.json')
_FAMILY = ('t5', 'mt5', 'umt5')
_TOKEN_IDS = ('_token_id', '_token_ids')
_FETCH = 'Give a folder with config.json, spiece.model and weights; to fetch one: hf download NAME --local-dir FOLDER.'


def read_config(folder: Path) -> dict[str, Any]:
    """Return a language model's ``config.json``.

    Raises:
        DataError: if there is none, or it is of another kind of model.
    """
    if not folder.is_dir():
        raise DataError(folder, 'no such folder; expected a language model.', _FETCH)
    config = _read_json(folder / 'config.json') or {}
    if config.get('model_type') not in _FAMILY or type(config.get('vocab_size')) is not int:
        raise DataError(
            folder / 'config.json',
            f'expected the config of a language model of type {", ".join(_FAMILY)}, '
            f'got model_type={config.get("model_type")!r}, vocab_size={config.get("vocab_size")!r}.',
            _FETCH,
        )
    return config


def read_weights(folder: Path, config: Mapping[str, Any]) -> dict[str, Tensor] | None:
    """Return a folder's weights, the embedding under one name; None if there are none.

    Safetensors, or what ``torch.save`` wrote, whole or in parts; nothing that is in them is run.

    Raises:
        DataError: if they cannot be read, or are not those of ``config``.
    """
    for name in _WEIGHTS:
        source, files = folder / name, [name]
        if not source.is_file():
            source = folder / f'{name}.index.json'
            files = _parts(source)
        if files:
            state = {key: value for file in files for key, value in read_state_dict(folder / file).items()}
            rows = len(state[row_names(state, source)[0]])
            if rows != config['vocab_size']:
                raise DataError(
                    source, f'the embedding has {rows} rows, but config.json says {config["vocab_size"]}.', _FETCH
                )
            return _once(state, source, AutoConfig.for_model(**config).tie_word_embeddings)
    return None


def special_ids(folder: Path) -> set[int]:
    """Return the token ids that the configs name."""
    found: set[int] = set()
    for name in _CONFIGS:
        for key, value in (_read_json(folder / name) or {}).items():
            if key.endswith(_TOKEN_IDS):
                found.update(i for i in (value if isinstance(value, list) else [value]) if type(i) is int)
    return found


def write_folder(out: Path, folder: Path, new_id: Mapping[int, int], state: Mapping[str, Tensor] | None) -> None:
    """Write configs and weights of a language model with other token ids; the tokenizer's own file is not written.

    ``tokenizer.json`` is left out: it is the same tokenizer in another form, and other programs make it themselves.

    Args:
        out: folder to write.
        folder: the one whose configs are taken.
        new_id: token id there -> token id in ``out``.
        state: the weights to write; None writes none.
    """
    for name in _CONFIGS:
        content = _read_json(folder / name)
        if content is not None:
            _write_json(out / name, _with_new_ids(content, new_id))
    content = _read_json(folder / 'tokenizer_config.json')
    if content is not None:
        added = content.get('added_tokens_decoder')
        if isinstance(added, dict):
            content['added_tokens_decoder'] = {str(new_id[int(i)]): v for i, v in added.items() if int(i) in new_id}
        _write_json(out / 'tokenizer_config.json', content)
    if (folder / 'special_tokens_map.json').is_file():
        shutil.copyfile(folder / 'special_tokens_map.json', out / 'special_tokens_map.json')
    if state is not None:
        write_weights(out / SAFETENSORS, state, 'state_dict', share=False)


def _parts(index: Path) -> list[str]:
    places = (_read_json(index) or {'weight_map': {}}).get('weight_map')
    if not isinstance(places, dict):
        raise DataError(index, 'has no "weight_map".', _FETCH)
    return sorted({Path(str(file)).name for file in places.values()})


def _once(state: dict[str, Tensor], source: Path, tied: bool) -> dict[str, Tensor]:
    """Leave out the embedding's other names, as Hugging Face's own files do."""
    names = ['encoder.embed_tokens.weight', 'decoder.embed_tokens.weight'] + (['lm_head.weight'] if tied else [])
    different = [name for name in names if name in state and not same_bits(state[name], state['shared.weight'])]
    if different:
        raise DataError(source, f'{", ".join(different)} differs from shared.weight, whose other name it is.', _FETCH)
    if not tied and 'lm_head.weight' not in state:
        raise DataError(source, 'has no lm_head.weight, though config.json says that it is a layer of its own.', _FETCH)
    return {name: value for name, value in state.items() if name not in names}


def _with_new_ids(content: dict[str, Any], new_id: Mapping[int, int]) -> dict[str, Any]:
    def renumber(value: Any) -> Any:
        if isinstance(value, list):
            return [renumber(one) for one in value]
        return new_id.get(value, value) if type(value) is int else value

    changed = {key: renumber(value) if key.endswith(_TOKEN_IDS) else value for key, value in content.items()}
    return changed | ({'vocab_size': len(new_id)} if 'vocab_size' in content else {})


def _read_json(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
        problem = '' if isinstance(content, dict) else f'a {type(content).__name__}'
    except ValueError as error:
        problem = str(error)
    if problem:
        raise DataError(path, f'not a JSON object ({problem}).', 'Fetch or make the language model again.')
    return content


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    write_text_atomically(path, json.dumps(content, indent=2, ensure_ascii=False) + '\n')

"""The tensors of a language model that have a row for each piece."""

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from unisign.models.language_models import KeptPieces
from unisign.structures import DataError

HEAD = 'head.language_model.'  # what the names begin with in a whole model's checkpoint
_WITH_ROWS = re.compile(r'(?:shared|encoder\.embed_tokens|decoder\.embed_tokens|lm_head)\.weight')
_MODULES = re.compile(r'(?:^|\.)(?:shared|embed_tokens|lm_head)\.')


def row_names(state: Mapping[str, Tensor], source: object, prefix: str = '') -> list[str]:
    """Return the names of the input and output embeddings.

    Args:
        state: weights by name.
        source: their file, for errors.
        prefix: what the language model's names begin with.

    Raises:
        DataError: if there are none, they differ in their rows, or something hangs on them that cannot be cut.
    """
    own = [name for name in state if name.startswith(prefix)]
    found = [name for name in own if _WITH_ROWS.fullmatch(name.removeprefix(prefix))]
    if f'{prefix}shared.weight' not in found:
        raise DataError(
            source,
            f'has no {prefix}shared.weight, the embedding of a T5-family language model.',
            'Give the weights of such a model.' if not prefix else 'Give the checkpoint of a whole model.',
        )
    others = sorted({name for name in own if _MODULES.search(name.removeprefix(prefix))} - set(found))
    if others:
        raise DataError(
            source,
            f'holds weights beside the embeddings that cannot be cut: {", ".join(others[:4])}.',
            'Give a checkpoint of plain weights; merge adapters into them first.',
        )
    sizes = {name: len(state[name]) for name in found}
    if len(set(sizes.values())) > 1:
        raise DataError(source, f'the embeddings differ in their rows: {sizes}.', 'Fetch the file again.')
    return found


def cut_rows(
    state: Mapping[str, Tensor], kept: KeptPieces, source: object, made_for: object, prefix: str = ''
) -> dict[str, Tensor]:
    """Return weights with the kept rows alone; all other tensors are the given ones.

    Raises:
        DataError: if the full model that ``kept`` belongs to has another number of rows.
    """
    names = row_names(state, source, prefix)
    rows = len(state[names[0]])
    if rows != kept.full_rows:
        raise DataError(
            source,
            f'the embedding has {rows} rows, but {made_for} was trimmed from a language model with {kept.full_rows}.',
            'Give a checkpoint of the full language model, and the folder that was trimmed from it.',
        )
    index = torch.tensor(kept.rows)
    return {name: value.index_select(0, index) if name in names else value for name, value in state.items()}


def put_back_rows(
    trimmed: Mapping[str, Tensor],
    full: Mapping[str, Tensor],
    kept: KeptPieces,
    sources: tuple[object, object],
    made_for: object,
    prefix: str = '',
) -> dict[str, Tensor]:
    """Return the trimmed weights with the full number of rows: the kept from them, the others from the full weights.

    Args:
        trimmed: weights of a trimmed model.
        full: weights of a full one; only the embeddings are read.
        kept: what the trimmed one keeps.
        sources: the files of both, for errors.
        made_for: the trimmed language model's folder, for errors.
        prefix: what the language model's names begin with.

    Raises:
        DataError: if the two do not belong together, or not to ``kept``.
    """
    names = row_names(trimmed, sources[0], prefix)
    full_names = row_names(full, sources[1], prefix)
    rows, full_rows = len(trimmed[names[0]]), len(full[full_names[0]])
    advice = f'Give a checkpoint trained with {made_for}, and one of the full language model it was trimmed from.'
    if (rows, full_rows) != (len(kept.rows), kept.full_rows):
        raise DataError(
            sources[0],
            f'does not go with {sources[1]}: their embeddings have {rows} and {full_rows} rows, where {made_for} '
            f'keeps {len(kept.rows)} of {kept.full_rows}.',
            advice,
        )
    merged = dict(trimmed)
    index = torch.tensor(kept.rows)
    for name in names:
        small, whole = trimmed[name], full.get(name)
        if whole is None or whole.dtype != small.dtype or whole.shape[1:] != small.shape[1:]:
            there = 'missing' if whole is None else f'{list(whole.shape)}, {whole.dtype}'
            raise DataError(
                sources[0],
                f'does not go with {sources[1]}: {name} is {list(small.shape)}, {small.dtype} here, and {there} there.',
                advice,
            )
        merged[name] = whole.index_copy(0, index, small)
    return merged

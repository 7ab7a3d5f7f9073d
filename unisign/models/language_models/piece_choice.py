"""Which pieces a smaller vocabulary must keep, so that it writes texts as the full one does.

Let a text's pieces in the full tokenizer all be kept. Then the smaller tokenizer writes the same pieces:

- Unigram. The best path is still there, other paths only fall away, and where two are equal the same one is met first.
  New is only that a character without a piece may be taken for unknown. The score of that is the lowest score of all
  pieces less 10, so below that of any piece, provided that the piece with the lowest score is kept.
- BPE. Joining runs through smaller pieces, so every piece inside a kept one is kept; then the next join of the full
  tokenizer is always among those of the smaller one, which has no others.

Pieces that are no plain ones (bytes, control, unknown, user-defined, unused) are all kept: user-defined ones take part
in normalisation too.
"""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

from unisign.structures import DataError

_NORMAL = 1  # of SentencePiece's types
_BPE = 2  # of its algorithms
_SPACE = '▁'
# The space, without which words grow together, and sentinels: mT5's lie among the pieces, T5's behind them.
_ALWAYS = re.compile(rf'{_SPACE}|{_SPACE}?<extra_id_\d+>')
# What the next text may need, whatever was in the corpus.
BASIC_CHARACTERS = frozenset(
    [chr(code) for code in range(33, 127)] + list('、。〈〉《》「」『』【】〔〕…—–‘’“”·，！？；：（）～￥「」¿¡«»€')
)


def choose_pieces(
    model: Any,
    counts: Counter[int],
    min_count: int = 1,
    always: Iterable[int] = (),
    characters: bool = True,
) -> list[int]:
    """Return the ids of the pieces to keep, ascending.

    Args:
        model: SentencePiece ``ModelProto``.
        counts: id -> how often the corpus has it.
        min_count: how often a piece must occur.
        always: ids to keep in any case.
        characters: whether to keep the pieces of single characters too, alone and after a space: of those that occur,
            letters, digits and punctuation of ASCII, and punctuation of Chinese. Other words can then be spelled.
    """
    pieces = model.pieces
    kept = {i for i, piece in enumerate(pieces) if piece.type != _NORMAL or _ALWAYS.fullmatch(piece.piece)}
    kept |= {i for i, count in counts.items() if count >= min_count} | set(always)
    if characters:
        wanted = BASIC_CHARACTERS.union(*(pieces[i].piece for i in counts))
        kept |= {i for i, piece in enumerate(pieces) if piece.piece.removeprefix(_SPACE) in wanted}
    plain = [i for i, piece in enumerate(pieces) if piece.type == _NORMAL]
    if plain:
        kept |= {min(plain, key=lambda i: pieces[i].score), max(plain, key=lambda i: pieces[i].score)}
    if model.trainer_spec.model_type == _BPE:
        kept |= _inner_pieces(model, kept)
    return sorted(kept)


def _inner_pieces(model: Any, kept: set[int]) -> set[int]:
    """Return the ids of all pieces that are part of kept ones."""
    ids = {piece.piece: i for i, piece in enumerate(model.pieces)}
    texts = [model.pieces[i].piece for i in kept]
    parts = {text[a:b] for text in texts for a in range(len(text)) for b in range(a + 1, len(text) + 1)}
    return {ids[part] for part in parts if part in ids}


def trim_pieces(model: Any, kept: Iterable[int]) -> bytes:
    """Return the SentencePiece model with these pieces alone, in their order; the rules of normalisation are untouched.

    Args:
        model: SentencePiece ``ModelProto``; it is not changed.
        kept: ids, ascending.
    """
    kept = list(kept)
    smaller = type(model)()
    smaller.CopyFrom(model)
    del smaller.pieces[:]
    smaller.pieces.extend(model.pieces[i] for i in kept)
    smaller.ClearField('self_test_data')  # it may name pieces that are gone
    new_id = {old: new for new, old in enumerate(kept)}
    spec = smaller.trainer_spec
    spec.vocab_size = len(kept)
    for name in ('unk_id', 'bos_id', 'eos_id', 'pad_id'):
        setattr(spec, name, new_id.get(getattr(spec, name), -1))
    return smaller.SerializeToString()


def parse_piece_model(content: bytes, source: object) -> Any:
    """Return a SentencePiece model as a ``ModelProto``.

    Raises:
        DataError: if it is none.
    """
    # transformers brings one that fits the protobuf version here; sentencepiece's own wants a newer one.
    from google.protobuf.message import DecodeError
    from transformers.utils import sentencepiece_model_pb2_new as messages

    model = vars(messages)['ModelProto']()  # a name that is made at import
    try:
        model.ParseFromString(content)
    except DecodeError as error:
        raise DataError(
            source, f'not a SentencePiece model ({error}).', 'Fetch or make the language model again.'
        ) from error
    return model


def named_pieces(model: Any, names: Iterable[str], source: object) -> list[int]:
    """Return the ids of pieces given by their texts, such as ``▁hello``.

    Raises:
        DataError: for texts that are no pieces.
    """
    ids = {piece.piece: i for i, piece in enumerate(model.pieces)}
    names = list(names)
    unknown = [name for name in names if name not in ids]
    if unknown:
        shown = ', '.join(map(repr, unknown[:6])) + (f' and {len(unknown) - 6} more' if len(unknown) > 6 else '')
        raise DataError(
            source,
            f'{len(unknown)} lines are no pieces of the tokenizer: {shown}.',
            f'Write one piece a line, as the tokenizer has it: a word with {_SPACE} (U+2581) before it.',
        )
    return [ids[name] for name in names]

"""A smaller language model, with the pieces that a corpus needs."""

import shutil
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from torch import Tensor

from unisign.datasets.corpus_texts import read_corpus, read_lines
from unisign.engine.checkpoint_io import write_text_atomically
from unisign.engine.language_model_folder import read_config, read_weights, special_ids, write_folder
from unisign.engine.vocabulary_rows import cut_rows
from unisign.models.language_models import DEFAULT_PROMPT, LANGUAGE_NAMES, KeptPieces, SentencePieceTokenizer
from unisign.models.language_models.kept_pieces import KEPT_PIECES_FILE
from unisign.models.language_models.piece_choice import choose_pieces, named_pieces, parse_piece_model, trim_pieces
from unisign.models.language_models.tokenizer import TOKENIZER_FILE
from unisign.optional import sha256_of
from unisign.structures import DataError


@dataclass(frozen=True)
class TrimReport:
    """What came of trimming.

    Attributes:
        kept: the rows that are left.
        parameters: of the language model, before and after; 0 if it has no weights.
        size: bytes of its weights, before and after.
        texts: texts of the corpus.
        same_texts: those that both tokenizers write with the same pieces.
    """

    kept: KeptPieces
    parameters: tuple[int, int]
    size: tuple[int, int]
    texts: int
    same_texts: int


def trim_vocabulary(
    language_model: str | Path,
    corpus: Iterable[str | Path],
    out_dir: str | Path,
    min_count: int = 1,
    keep_pieces: str | Path | None = None,
    prompts: Sequence[str] = (DEFAULT_PROMPT,),
    characters: bool = True,
) -> TrimReport:
    """Write a language model with the pieces that a corpus needs, its tokenizer, and the map to the full one.

    Texts that the full tokenizer writes with kept pieces get the same ones, and the model computes the same from them.

    Args:
        language_model: folder of the full one, in Hugging Face's layout: ``config.json``, ``spiece.model``, and weights
            (without them, the result has none either).
        corpus: ``.jsonl`` annotations, or text files with a text a line.
        out_dir: folder to write; it must not hold anything.
        min_count: how often a piece must occur in the corpus.
        keep_pieces: file with further pieces, one a line.
        prompts: what the encoder reads before the frames; all languages are filled in for ``{language}``.
        characters: whether to keep the pieces of single characters, see ``choose_pieces``.

    Raises:
        DataError: if a file is missing or wrong, or ``out_dir`` is taken. Nothing is written then.
    """
    folder, out_dir = Path(language_model), Path(out_dir)
    if out_dir.exists() and (not out_dir.is_dir() or any(out_dir.iterdir())):
        raise DataError(out_dir, 'is there already, and not empty.', 'Name another folder, or remove it.')
    config, source = read_config(folder), folder / TOKENIZER_FILE
    tokenizer = SentencePieceTokenizer(source)
    pieces = parse_piece_model(source.read_bytes(), source)
    num_pieces, rows = len(pieces.pieces), config['vocab_size']
    if rows < num_pieces:
        raise DataError(
            source, f'has {num_pieces} pieces, but config.json only {rows} rows.', 'They do not go together.'
        )
    files = list(corpus)
    texts = read_corpus(files)
    if not texts:
        raise DataError(', '.join(map(str, files)), 'no text: nothing would be kept.', 'Give files with texts.')
    always = {i for i in special_ids(folder) if 0 <= i < num_pieces} | _prompt_ids(tokenizer, prompts)
    if keep_pieces is not None:
        always.update(named_pieces(pieces, filter(None, read_lines(keep_pieces, 'one piece a line')), keep_pieces))
    counts = Counter(i for text in texts for i in tokenizer.encode(text))
    ids = choose_pieces(pieces, counts, min_count, always, characters)
    trimmed = trim_pieces(pieces, ids)
    all_rows = (*ids, *range(num_pieces, rows))
    kept = KeptPieces(all_rows, rows, num_pieces, sha256_of(source), sha256(trimmed).hexdigest())
    state = read_weights(folder, config)
    cut = None if state is None else cut_rows(state, kept, folder, folder)
    same = _write(out_dir, folder, kept, trimmed, cut, texts)
    (parameters, size), (less, smaller) = _size(state), _size(cut)
    return TrimReport(kept, (parameters, less), (size, smaller), len(texts), same)


def _write(
    out_dir: Path, folder: Path, kept: KeptPieces, tokenizer: bytes, cut: Mapping[str, Tensor] | None, texts: list[str]
) -> int:
    """Write the folder, whole or not at all; return how many texts keep their pieces."""
    part = out_dir.with_name(out_dir.name + '.part')
    shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir(parents=True)
        (part / TOKENIZER_FILE).write_bytes(tokenizer)
        full, trimmed = (SentencePieceTokenizer(one / TOKENIZER_FILE) for one in (folder, part))
        same = _count_same(full, trimmed, kept, texts)
        write_folder(part, folder, {old: new for new, old in enumerate(kept.rows)}, cut)
        write_text_atomically(part / KEPT_PIECES_FILE, kept.as_text())
        if out_dir.exists():
            out_dir.rmdir()
        part.rename(out_dir)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return same


def _prompt_ids(tokenizer: SentencePieceTokenizer, prompts: Iterable[str]) -> set[int]:
    texts = (prompt.replace('{language}', name) for prompt in prompts for name in LANGUAGE_NAMES.values())
    return {i for text in texts for i in tokenizer.encode(text)}


def _count_same(
    full: SentencePieceTokenizer, trimmed: SentencePieceTokenizer, kept: KeptPieces, texts: Iterable[str]
) -> int:
    """Return how many texts keep their pieces; every one that the full tokenizer writes with kept pieces must."""
    same = 0
    for text in texts:
        expected = kept.from_full(full.encode(text))
        if expected is not None and trimmed.encode(text) != expected:
            raise RuntimeError(f'{text!r} would be cut into other pieces, though all are kept; please report this.')
        same += expected is not None
    return same


def _size(state: Mapping[str, Tensor] | None) -> tuple[int, int]:
    values = (state or {}).values()
    return sum(v.numel() for v in values), sum(v.numel() * v.element_size() for v in values)

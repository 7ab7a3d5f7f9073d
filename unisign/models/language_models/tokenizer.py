"""``SentencePieceTokenizer``: text to the token ids of a T5-family model, and back."""

from pathlib import Path

import sentencepiece
from transformers.utils import cached_file

from unisign.models.language_models.loading import HOW_TO_GET, refuse_missing_folder
from unisign.structures import DataError

TOKENIZER_FILE = 'spiece.model'


class SentencePieceTokenizer:
    """The tokenizer of T5, mT5 and uMT5: SentencePiece itself, ``</s>`` appended.

    Hugging Face's wrapper is left out on purpose. It lets special tokens be written into user text, needs a protobuf
    version of its own, and from version 5 on loses byte fallback: a rare character would vanish, not come back.

    Args:
        model_file: SentencePiece model.

    Raises:
        DataError: if the file is missing or is no SentencePiece model with ``</s>``.
    """

    def __init__(self, model_file: str | Path) -> None:
        if not Path(model_file).is_file():
            raise DataError(model_file, 'no such file; expected a SentencePiece model.', 'Check language_model.')
        self.model_file = Path(model_file)
        self._pieces = sentencepiece.SentencePieceProcessor()
        try:
            self._pieces.LoadFromSerializedProto(Path(model_file).read_bytes())
        except RuntimeError as error:
            raise DataError(
                model_file, f'not a SentencePiece model ({error}).', 'Fetch or make the language model again.'
            ) from error
        self.eos_id = self._pieces.eos_id()
        if self.eos_id < 0:
            raise DataError(model_file, 'has no piece </s>, which ends every text.', 'Use a tokenizer made for T5.')

    def __len__(self) -> int:
        """Number of pieces."""
        return self._pieces.get_piece_size()

    def encode(self, text: str, max_tokens: int | None = None) -> list[int]:
        """Return token ids, ``</s>`` last; at most ``max_tokens``, ``</s>`` included."""
        ids = self._pieces.encode(text)
        if max_tokens is not None:
            ids = ids[: max_tokens - 1]
        return [*ids, self.eos_id]

    def decode(self, ids: list[int]) -> str:
        """Return the text of token ids; special tokens (padding, ``</s>``, unknown) are skipped."""
        return self._pieces.decode([i for i in ids if self._is_text(i)]).strip()

    def _is_text(self, token: int) -> bool:
        pieces = self._pieces
        return 0 <= token < len(self) and not (pieces.is_control(token) or pieces.is_unknown(token))


def load_tokenizer(name: str) -> SentencePieceTokenizer:
    """Return the tokenizer of a language model.

    Args:
        name: Hugging Face name or folder; it holds ``spiece.model``.

    Raises:
        DataError: if the file cannot be had.
    """
    refuse_missing_folder(name)
    if Path(name).is_dir():
        return SentencePieceTokenizer(Path(name) / TOKENIZER_FILE)
    try:
        return SentencePieceTokenizer(cached_file(name, TOKENIZER_FILE) or name)
    except (OSError, ValueError) as error:
        raise DataError(
            name,
            f'{TOKENIZER_FILE} cannot be had ({str(error).strip().splitlines()[0]}).',
            HOW_TO_GET,
        ) from error

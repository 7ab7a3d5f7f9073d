"""``TextCodec``: prompts and targets to token ids, and token ids back to text."""

from collections.abc import Callable
from functools import cached_property

import torch
from torch import Tensor

from unisign.models.language_models import SentencePieceTokenizer, language_name


class TextCodec:
    """Text and token ids of one language model.

    Args:
        tokenizer: the language model's tokenizer, or a function that gets it, called when it is first needed.
        prompt: what the encoder reads before the frames; ``{language}`` stands for the English name of the language.
        max_target_tokens: tokens of a target, ``</s>`` included.
    """

    def __init__(
        self,
        tokenizer: SentencePieceTokenizer | Callable[[], SentencePieceTokenizer],
        prompt: str,
        max_target_tokens: int,
    ) -> None:
        self._given, self.prompt, self.max_target_tokens = tokenizer, prompt, max_target_tokens
        self._prompts: dict[str, list[int]] = {}

    @cached_property
    def tokenizer(self) -> SentencePieceTokenizer:
        """The language model's tokenizer.

        Raises:
            DataError: if it cannot be had.
        """
        return self._given if isinstance(self._given, SentencePieceTokenizer) else self._given()

    def prompt_ids(self, lang: str) -> list[int]:
        """Return the prompt in token ids, ``</s>`` included, for a language code."""
        if lang not in self._prompts:
            self._prompts[lang] = self.tokenizer.encode(self.prompt.format(language=language_name(lang)))
        return self._prompts[lang]

    def target_ids(self, text: str) -> list[int]:
        """Return a target in token ids: cut to ``max_target_tokens``, the last one always ``</s>``."""
        return self.tokenizer.encode(text, self.max_target_tokens)

    def target_batch(self, texts: list[str]) -> tuple[Tensor, Tensor]:
        """Return targets as a padded batch.

        Returns:
            Token ids, long [B, L], and which of them are no padding, bool [B, L].
        """
        targets = [torch.tensor(self.target_ids(text)) for text in texts]
        ids = torch.nn.utils.rnn.pad_sequence(targets, batch_first=True)
        lengths = torch.tensor([len(target) for target in targets])
        return ids, torch.arange(ids.shape[1]) < lengths[:, None]

    def decode(self, ids: list[int]) -> str:
        """Return the text of token ids, without special tokens."""
        return self.tokenizer.decode(ids)

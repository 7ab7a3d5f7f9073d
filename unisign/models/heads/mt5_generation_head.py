"""``MT5GenerationHead``: a language model that reads prompt and frames and writes text (spec.md section 4)."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers.modeling_outputs import BaseModelOutput

from unisign.models.heads.free_generation import generate_texts
from unisign.models.heads.text_codec import TextCodec
from unisign.models.language_models import DEFAULT_PROMPT, load_language_model, load_tokenizer
from unisign.models.losses import smoothed_cross_entropy
from unisign.registry import MODELS
from unisign.structures import SignDataSample


@MODELS.register_module()
class MT5GenerationHead(nn.Module):
    """Text from features, by a T5-family encoder-decoder.

    Args:
        language_model: Hugging Face name or folder of the language model and its tokenizer.
        pretrained: whether to load its weights; if not, it is built from its config alone, with random weights.
        prompt: what it reads before the frames; ``{language}`` stands for the name of the sample's language.
        label_smoothing: share of the target probability that goes evenly to the whole vocabulary.
        max_target_tokens: longest target, ``</s>`` included; the rest is cut off.
        num_beams: beams of free generation.
        max_new_tokens: longest generated text in tokens.
        nbest: answers kept beside the best one, at most the number of beams in free generation.
        dropout: dropout share of the language model in training; None keeps its config's.

    Raises:
        DataError: if the language model cannot be loaded.
    """

    def __init__(
        self,
        language_model: str,
        pretrained: bool = True,
        prompt: str = DEFAULT_PROMPT,
        label_smoothing: float = 0.2,
        max_target_tokens: int = 50,
        generation: dict[str, Any] | None = None,
        vocabularies: dict[str, str | Sequence[str]] | None = None,
        ranking: str = 'tree',
        nbest: int = 5,
        dropout: float | None = None,
    ) -> None:
        super().__init__()
        self.language_model = load_language_model(language_model, pretrained, dropout)
        self.codec = TextCodec(load_tokenizer(language_model), prompt, max_target_tokens)
        self.label_smoothing = label_smoothing
        self.generation = dict(num_beams=4, max_new_tokens=100) | (generation or {})
        self.nbest = nbest

    @property
    def in_channels(self) -> int:
        """Width of the features it reads."""
        return self.language_model.config.d_model

    def loss(self, features: Tensor, mask: Tensor, data_samples: list[SignDataSample]) -> dict[str, Tensor]:
        """Return the language-modelling loss of a batch.

        Args:
            features: [B, T, C].
            mask: bool [B, T]; true at a clip's frames.
            data_samples: B of them, with ``gt_text`` and ``lang``.

        Returns:
            ``loss``: mean over all target tokens of the batch; ``token_accuracy``: share of them that the decoder,
            given the tokens before, would choose (for the log only).
        """
        if not data_samples:
            return dict(loss=features.sum() + self._zero_of_all_weights(), token_accuracy=features.new_zeros(()))
        states, states_mask = self.encode(features, mask, data_samples)
        targets, valid = (x.to(mask.device) for x in self.codec.target_batch([s.gt_text for s in data_samples]))
        hidden = self.language_model.decoder(
            input_ids=self._shift_right(targets),
            encoder_hidden_states=states,
            encoder_attention_mask=states_mask,
            use_cache=False,
        ).last_hidden_state
        logits, targets = self.vocabulary_logits(hidden[valid]), targets[valid]  # padding never meets the vocabulary
        return dict(
            loss=smoothed_cross_entropy(logits, targets, self.label_smoothing),
            token_accuracy=(logits.detach().argmax(dim=-1) == targets).float().mean(),
        )

    @torch.no_grad()
    def predict(self, features: Tensor, mask: Tensor, data_samples: list[SignDataSample]) -> list[SignDataSample]:
        """Set ``pred_text``, ``pred_score`` and ``nbest`` of the samples; arguments as for ``loss``."""
        if not data_samples:
            return []
        states, states_mask = self.encode(features, mask, data_samples)
        answers = generate_texts(self.language_model, self.codec, states, states_mask, self.nbest, **self.generation)
        for sample, answer in zip(data_samples, answers, strict=True):
            sample.nbest = answer
            sample.pred_text, sample.pred_score = answer[0]
        return data_samples

    def encode(self, features: Tensor, mask: Tensor, data_samples: list[SignDataSample]) -> tuple[Tensor, Tensor]:
        """Return what the encoder makes of prompt and frames: states [B, L, C] and their mask, long [B, L]."""
        embeddings, mask = self.input_embeddings(features, mask, data_samples)
        outputs: BaseModelOutput = self.language_model.encoder(inputs_embeds=embeddings, attention_mask=mask)
        return outputs.last_hidden_state, mask

    def input_embeddings(
        self, features: Tensor, mask: Tensor, data_samples: list[SignDataSample]
    ) -> tuple[Tensor, Tensor]:
        """Return what the encoder reads: each sample's prompt, its frames right behind, padding at the end.

        Prompts differ in length between languages; a gap between prompt and frames would move the outputs.

        Returns:
            Embeddings [B, L, C] and mask, long [B, L].
        """
        prompts = {sample.lang: None for sample in data_samples}
        for lang in prompts:
            ids = torch.tensor(self.codec.prompt_ids(lang), device=features.device)
            prompts[lang] = self.language_model.shared(ids).to(features.dtype)
        embeddings, masks = [], []
        for sample, frames, frame_mask in zip(data_samples, features.unbind(0), mask.long().unbind(0), strict=True):
            prompt = prompts[sample.lang]
            embeddings.append(torch.cat([prompt, frames]))
            masks.append(torch.cat([frame_mask.new_ones(len(prompt)), frame_mask]))
        pad = torch.nn.utils.rnn.pad_sequence
        return pad(embeddings, batch_first=True), pad(masks, batch_first=True)

    def vocabulary_logits(self, hidden: Tensor) -> Tensor:
        """Return scores over the vocabulary [..., W] for decoder states [..., C]."""
        if self.language_model.config.tie_word_embeddings:
            hidden = hidden * self.language_model.config.d_model**-0.5  # T5's rule for a shared embedding
        return self.language_model.lm_head(hidden)

    def _shift_right(self, targets: Tensor) -> Tensor:
        start = targets.new_full((len(targets), 1), self.language_model.config.decoder_start_token_id)
        return torch.cat([start, targets[:, :-1]], dim=1)

    def _zero_of_all_weights(self) -> Tensor:
        # An empty batch: every weight takes part, with a gradient of 0, so that no other process waits for it.
        return torch.stack([weight.flatten()[:0].sum() for weight in self.parameters()]).sum()

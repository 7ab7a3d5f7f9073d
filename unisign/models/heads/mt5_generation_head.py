"""``MT5GenerationHead``: a language model that reads prompt and frames and writes text (spec.md section 4)."""

import math
from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from unisign.datasets.sign_dataset import DatasetOverview
from unisign.models.heads.closed_vocabulary import ClosedVocabulary, read_labels
from unisign.models.heads.gloss_vocabulary import GlossVocabulary
from unisign.models.heads.t5_decoder import output_scale, special_tokens
from unisign.models.heads.text_codec import TextCodec
from unisign.models.heads.text_writing import write_texts
from unisign.models.language_models import DEFAULT_PROMPT, load_language_model, load_tokenizer
from unisign.models.losses import mean_over_processes, smoothed_cross_entropy
from unisign.registry import MODELS
from unisign.structures import DataError, SignDataSample


@MODELS.register_module()
class MT5GenerationHead(nn.Module):
    """Text from features, by a T5-family encoder-decoder.

    Args:
        language_model: Hugging Face name or folder of the language model and its tokenizer.
        pretrained: whether to load its weights; if not, it is built from its config alone, with random weights.
        prompt: what it reads before the frames; ``{language}`` stands for the name of the sample's language.
        label_smoothing: share of the target probability that goes evenly to the whole vocabulary.
        max_target_tokens: longest target, ``</s>`` included; the rest is cut off.
        generation: ``num_beams`` (4) and ``max_new_tokens`` (100) of free generation.
        vocabularies: task -> its labels, as a file (one a line) or a list. The answer to a clip of that task is one of
            them (``ClosedVocabulary``); for ``cslr`` the labels are glosses, and the answer is one or more of them
            (``GlossVocabulary``). Other tasks are answered freely.
        ranking: how whole labels are ranked, ``tree`` or ``likelihood``; see ``ClosedVocabulary``.
        nbest: answers kept a clip; in free generation at most the number of beams.
        dropout: dropout share of the language model in training; None keeps its config's.
        gradient_checkpointing: activation checkpointing: store only what goes from layer to layer of the language model
            and compute the rest again in the backward pass.

    Raises:
        DataError: if the language model or a vocabulary cannot be loaded, or for an unknown key in ``generation`` or
            ranking.
    """

    def __init__(
        self,
        language_model: str,
        pretrained: bool = True,
        prompt: str = DEFAULT_PROMPT,
        label_smoothing: float = 0.2,
        max_target_tokens: int = 50,
        generation: dict[str, int] | None = None,
        vocabularies: dict[str, str | Sequence[str]] | None = None,
        ranking: str = 'tree',
        nbest: int = 5,
        dropout: float | None = None,
        gradient_checkpointing: bool = False,
    ) -> None:
        super().__init__()
        self.generation: dict[str, Any] = dict(num_beams=4, max_new_tokens=100)
        unknown = set(generation or {}) - set(self.generation)
        if unknown:
            known = ', '.join(self.generation)
            raise DataError('model.head.generation', f'has the unknown keys {sorted(unknown)}.', f'Known: {known}.')
        self.generation |= generation or {}
        self.label_smoothing, self.nbest = label_smoothing, nbest
        self.language_model = load_language_model(language_model, pretrained, dropout)
        if gradient_checkpointing:
            self.language_model.gradient_checkpointing_enable(dict(use_reentrant=False))
        self.codec = TextCodec(load_tokenizer(language_model), prompt, max_target_tokens)
        _, _, self.start_token = special_tokens(self.language_model)
        self.vocabularies = nn.ModuleDict(
            {task: self._make_vocabulary(task, labels, ranking) for task, labels in (vocabularies or {}).items()}
        )

    def _make_vocabulary(self, task: str, labels: str | Sequence[str], ranking: str) -> nn.Module:
        source = _source(task, labels)
        if task == 'cslr':
            return GlossVocabulary(read_labels(labels), self.codec, source)
        return ClosedVocabulary(read_labels(labels), self.codec, self.start_token, ranking, source)

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
            ``loss``: mean over all target tokens of the batch, in training of all processes' batches together
            (``mean_over_processes``); ``token_accuracy``: share of them that the decoder, given the tokens before,
            would choose (for the log only).
        """
        losses, tokens = self._own_loss(features, mask, data_samples)
        return mean_over_processes(losses, tokens) if self.training else losses

    def _own_loss(
        self, features: Tensor, mask: Tensor, data_samples: list[SignDataSample]
    ) -> tuple[dict[str, Tensor], int]:
        """Return what ``loss`` does for the batch of this process alone, and the number of its target tokens."""
        if not data_samples:
            loss = features.sum() + self._zero_of_all_weights(features.device)
            return dict(loss=loss, token_accuracy=features.new_zeros(())), 0
        states, states_mask = self.encode(features, mask, data_samples)
        targets, valid = (x.to(mask.device) for x in self.codec.target_batch([s.gt_text for s in data_samples]))
        hidden = self.language_model.decoder(
            input_ids=self._shift_right(targets),
            encoder_hidden_states=states,
            encoder_attention_mask=states_mask,
            use_cache=False,
        ).last_hidden_state
        # The vocabulary is large: its scores are computed once, and not at all for padding.
        logits = self.language_model.lm_head(hidden[valid] * output_scale(self.language_model))
        targets = targets[valid]
        losses = dict(
            loss=smoothed_cross_entropy(logits, targets, self.label_smoothing),
            token_accuracy=(logits.detach().argmax(dim=-1) == targets).float().mean(),
        )
        return losses, len(targets)

    @torch.no_grad()
    def predict(self, features: Tensor, mask: Tensor, data_samples: list[SignDataSample]) -> list[SignDataSample]:
        """Set ``pred_text``, ``pred_score`` and ``nbest`` of the samples.

        Args:
            features: [B, T, C].
            mask: bool [B, T]; true at a clip's frames.
            data_samples: B of them, with ``lang`` and ``task``.
        """
        if not data_samples:
            return []
        states, states_mask = self.encode(features, mask, data_samples)
        tasks = [sample.task if sample.task in self.vocabularies else None for sample in data_samples]
        for task in sorted(set(tasks), key=str):
            rows = [i for i, own in enumerate(tasks) if own == task]
            answers = self._answers(task, states[rows], states_mask[rows])
            for i, nbest in zip(rows, answers, strict=True):
                if not nbest or not math.isfinite(nbest[0][1]):
                    raise FloatingPointError(
                        f'clip {data_samples[i].clip_id}: the model gives no finite score; its weights or inputs hold '
                        'NaN or infinity. Use an earlier checkpoint, or check the clip.'
                    )
                data_samples[i].nbest = nbest
                data_samples[i].pred_text, data_samples[i].pred_score = nbest[0]
        return data_samples

    def check_dataset(self, overview: DatasetOverview, training: bool) -> list[str]:
        """Check languages and labels before a run.

        Args:
            overview: what the dataset holds.
            training: whether it is trained on: then every target must be a possible answer.

        Returns:
            Lines for the log: labels of a dev or test set that the vocabulary lacks.

        Raises:
            DataError: for a language that the prompt cannot name, and for labels that are lacking in training, or all
                of them.
        """
        for lang, clip in overview.languages.items():
            try:
                self.codec.prompt_ids(lang)
            except DataError as error:
                raise DataError(
                    f'{overview.source}, clip {clip!r}', f'"lang" is {lang!r}: {error.problem}', error.advice
                ) from error
        if overview.task not in self.vocabularies:
            return []
        vocabulary = cast(ClosedVocabulary | GlossVocabulary, self.vocabularies[overview.task])
        return vocabulary.check_targets(overview.targets, overview.source, training)

    def _answers(self, task: str | None, states: Tensor, mask: Tensor) -> list[list[list]]:
        vocabulary = None if task is None else self.vocabularies[task]
        if isinstance(vocabulary, ClosedVocabulary):
            return vocabulary.rank(self.language_model, states, mask, self.nbest)
        if isinstance(vocabulary, GlossVocabulary):
            return vocabulary.write(self.language_model, states, mask, self.nbest, **self.generation)
        return write_texts(self.language_model, self.codec, states, mask, self.nbest, **self.generation)

    def encode(self, features: Tensor, mask: Tensor, data_samples: list[SignDataSample]) -> tuple[Tensor, Tensor]:
        """Return what the encoder makes of prompt and frames: states [B, L, C] and their mask, long [B, L]."""
        embeddings, mask = self.input_embeddings(features, mask, data_samples)
        return self.language_model.encoder(inputs_embeds=embeddings, attention_mask=mask).last_hidden_state, mask

    def input_embeddings(
        self, features: Tensor, mask: Tensor, data_samples: list[SignDataSample]
    ) -> tuple[Tensor, Tensor]:
        """Return what the encoder reads: each sample's prompt, its frames right behind, padding at the end.

        Prompts differ in length between languages; a gap between prompt and frames would move the outputs.

        Returns:
            Embeddings [B, L, C] and mask, long [B, L].
        """
        # The embeddings' precision also under autocast: what the layers add up in must not be rounded to bf16.
        features = features.to(self.language_model.shared.weight.dtype)
        prompts = {}
        for lang in {sample.lang for sample in data_samples}:
            ids = torch.tensor(self.codec.prompt_ids(lang), device=features.device)
            prompts[lang] = self.language_model.shared(ids)
        embeddings, masks = [], []
        for sample, frames, frame_mask in zip(data_samples, features.unbind(0), mask.long().unbind(0), strict=True):
            prompt = prompts[sample.lang]
            embeddings.append(torch.cat([prompt, frames]))
            masks.append(torch.cat([frame_mask.new_ones(len(prompt)), frame_mask]))
        pad = torch.nn.utils.rnn.pad_sequence
        return pad(embeddings, batch_first=True), pad(masks, batch_first=True)

    def _shift_right(self, targets: Tensor) -> Tensor:
        start = targets.new_full((len(targets), 1), self.start_token)
        return torch.cat([start, targets[:, :-1]], dim=1)

    def _zero_of_all_weights(self, device: torch.device) -> Tensor:
        # An empty batch: one token goes through the language model, for nothing. So every weight takes part, with a
        # gradient of 0, and no other process waits for it; nor, where the weights are spread out over the processes,
        # for the layers that it would leave out.
        token = torch.full((1, 1), self.start_token, device=device)
        states = self.language_model.encoder(inputs_embeds=self.language_model.shared(token)).last_hidden_state
        hidden = self.language_model.decoder(input_ids=token, encoder_hidden_states=states, use_cache=False)
        return 0 * self.language_model.lm_head(hidden.last_hidden_state).float().sum()


def _source(task: str, labels: str | Sequence[str]) -> str:
    """Return what errors call the vocabulary of a task: its file if it has one."""
    name = f'model.head.vocabularies.{task}'
    return f'{labels} ({name})' if isinstance(labels, str) else name

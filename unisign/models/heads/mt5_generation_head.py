"""``MT5GenerationHead``: a language model that reads prompt and frames and writes text (spec.md section 4)."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule

from unisign.datasets.sign_dataset import DatasetOverview
from unisign.models.compilation import compile_options
from unisign.models.heads.answering import answer_clips, check_dataset, join_prompts, make_vocabularies
from unisign.models.heads.packed_weights import forget_packed
from unisign.models.heads.t5_decoder import output_scale, special_tokens
from unisign.models.heads.t5_encoder import run_encoder
from unisign.models.heads.text_codec import TextCodec
from unisign.models.heads.token_look_up import look_up
from unisign.models.language_models import (
    DEFAULT_PROMPT,
    add_adapters,
    check_adapter_keys,
    load_language_model,
    load_tokenizer,
    on_meta_device,
)
from unisign.models.losses import linear_cross_entropy, mean_over_processes, smoothed_cross_entropy
from unisign.registry import MODELS
from unisign.structures import DataError, SignDataSample


@MODELS.register_module()
class MT5GenerationHead(nn.Module):
    """Text from features, by a T5-family encoder-decoder.

    Built on the meta device (``with torch.device('meta')``), it reads nothing but the language model's config;
    tokenizer and vocabularies come on first use. On any device so does the tokenizer of a Hugging Face name.

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
        lora: arguments of ``add_adapters``: the language model is frozen, and low-rank adapters learn in its place.
        gradient_checkpointing: activation checkpointing: store only what goes from layer to layer of the language model
            and compute the rest again in the backward pass.

    Raises:
        DataError: if the language model or a vocabulary cannot be loaded, or for an unknown key in ``generation`` or
            ``lora``, or an unknown ranking.
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
        lora: dict[str, Any] | None = None,
        gradient_checkpointing: bool = False,
    ) -> None:
        super().__init__()
        self.generation: dict[str, Any] = dict(num_beams=4, max_new_tokens=100)
        unknown = set(generation or {}) - set(self.generation)
        if unknown:
            known = ', '.join(self.generation)
            raise DataError('model.head.generation', f'has the unknown keys {sorted(unknown)}.', f'Known: {known}.')
        self.generation |= generation or {}
        self.label_smoothing, self.ranking, self.nbest = label_smoothing, ranking, nbest
        self.language_model = load_language_model(language_model, pretrained, dropout)
        if lora is not None:
            check_adapter_keys(lora)
            add_adapters(self.language_model, **lora)
        if gradient_checkpointing:
            self.language_model.gradient_checkpointing_enable(dict(use_reentrant=False))
        self.codec = TextCodec(partial(load_tokenizer, language_model), prompt, max_target_tokens)
        _, _, self.start_token = special_tokens(self.language_model)
        self.ranking, self._labels = ranking, dict(vocabularies or {})
        self.vocabularies = nn.ModuleDict()
        if not on_meta_device():
            self._make_vocabularies()
            if Path(language_model).is_dir():
                _ = self.codec.tokenizer  # what is wrong with it should be told now

    def _make_vocabularies(self) -> None:
        """Make the vocabularies that were given, unless they are there."""
        lacking = {task: labels for task, labels in self._labels.items() if task not in self.vocabularies}
        made = make_vocabularies(lacking, self.codec, self.start_token, self.ranking)
        self.vocabularies.update(dict(made.to(self.language_model.shared.weight.device).items()))

    def train(self, mode: bool = True) -> 'MT5GenerationHead':
        """Set to training or to evaluation; returns itself."""
        forget_packed(self.language_model)
        return super().train(mode)

    @property
    def in_channels(self) -> int:
        """Width of the features it reads."""
        return self.language_model.config.d_model

    def compile_networks(self, **options: Any) -> None:
        """Let ``torch.compile`` run the language model's layers in training from now on, whatever the lengths.

        Weights and checkpoints stay what they are, and evaluation, which goes its own way through the layers. Layers
        whose weights are spread out over processes (FSDP) run as before.

        Args:
            options: of ``torch.compile``, such as ``backend`` or ``mode``; ``dynamic`` is True unless it is given.
        """
        options = compile_options(options)
        for stack in (self.language_model.encoder, self.language_model.decoder):
            # One by one: all layers of a stack but the first then share a graph, which is compiled once.
            for layer in stack.block:
                if not isinstance(layer, FSDPModule):
                    layer.compile(**options)

    def layer_prefixes(self) -> list[tuple[str, ...]]:
        """Return what its layers are called, from the input to the output: embedding, encoder, decoder, output."""
        layers: list[list[str]] = [['language_model.shared']]
        for stack in ('encoder', 'decoder'):
            depth = len(getattr(self.language_model, stack).block)
            layers += [[f'language_model.{stack}.block.{i}'] for i in range(depth)]
            if stack == 'encoder':
                layers[-1].append('language_model.encoder.final_layer_norm')
        layers.append(['language_model.decoder.final_layer_norm', 'language_model.lm_head'])
        return [tuple(layer) for layer in layers]

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
        targets, valid = self.codec.target_batch([sample.gt_text for sample in data_samples])
        # Here, where their number is known, and not where a GPU would be waited for.
        places = valid.flatten().nonzero()[:, 0].to(mask.device)
        targets = targets.to(mask.device)
        prompts, before = self._look_up(data_samples, self._shift_right(targets))
        embeddings, states_mask = join_prompts(prompts, features, mask, data_samples)
        states = self.language_model.encoder(inputs_embeds=embeddings, attention_mask=states_mask).last_hidden_state
        hidden = self.language_model.decoder(
            inputs_embeds=before,
            encoder_hidden_states=states,
            encoder_attention_mask=states_mask,
            use_cache=False,
        ).last_hidden_state
        hidden, targets = (x.flatten(0, 1).index_select(0, places) for x in (hidden, targets))
        return self._token_loss(hidden * output_scale(self.language_model), targets), len(targets)

    def _token_loss(self, hidden: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """Return the losses of decoder states [L, C] and their targets, long [L]."""
        layer = self.language_model.lm_head
        if type(layer) is nn.Linear and layer.bias is None:
            loss, accuracy = linear_cross_entropy(hidden, layer.weight, targets, self.label_smoothing)
        else:  # an output layer of one's own
            logits = layer(hidden)
            loss = smoothed_cross_entropy(logits, targets, self.label_smoothing)
            accuracy = (logits.detach().argmax(dim=-1) == targets).float().mean()
        return dict(loss=loss, token_accuracy=accuracy)

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
        self._make_vocabularies()
        states, states_mask = self.encode(features, mask, data_samples)
        return answer_clips(
            self.language_model, self.codec, self.vocabularies, states, states_mask, data_samples, self.nbest,
            self.generation,
        )  # fmt: skip

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
        self._make_vocabularies()
        return check_dataset(overview, training, self.codec, self.vocabularies)

    def encode(self, features: Tensor, mask: Tensor, data_samples: list[SignDataSample]) -> tuple[Tensor, Tensor]:
        """Return what the encoder makes of prompt and frames: states [B, L, C] and their mask, long [B, L].

        For evaluation: there is no dropout here.
        """
        embeddings, mask = self.input_embeddings(features, mask, data_samples)
        return run_encoder(self.language_model, embeddings, mask), mask

    def input_embeddings(
        self, features: Tensor, mask: Tensor, data_samples: list[SignDataSample]
    ) -> tuple[Tensor, Tensor]:
        """Return what the encoder reads: each sample's prompt, its frames right behind, padding at the end.

        Prompts differ in length between languages; a gap between prompt and frames would move the outputs.

        Returns:
            Embeddings [B, L, C] and mask, long [B, L].
        """
        prompts, _ = self._look_up(data_samples)
        return join_prompts(prompts, features, mask, data_samples)

    def _look_up(
        self, data_samples: list[SignDataSample], tokens: Tensor | None = None
    ) -> tuple[dict[str, Tensor], Tensor]:
        """Return the embeddings of each language's prompt [L, C] and of ``tokens``, long [B, N], as [B, N, C].

        All in one go: in training the gradient of a look-up is as large as the table.
        """
        langs = sorted({sample.lang for sample in data_samples})
        device = self.language_model.shared.weight.device
        ids = [torch.tensor(self.codec.prompt_ids(lang), device=device) for lang in langs]
        tokens = torch.empty(0, 0, dtype=torch.long, device=device) if tokens is None else tokens
        found = look_up(self.language_model.shared, torch.cat([*ids, tokens.flatten()]))
        *prompts, words = found.split([*map(len, ids), tokens.numel()])
        return dict(zip(langs, prompts, strict=True)), words.view(*tokens.shape, words.shape[1])

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

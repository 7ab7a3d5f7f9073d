"""From clips to answers, whoever computes the language model: prompts, vocabularies, the choice of how to answer."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unisign.datasets.sign_dataset import DatasetOverview
from unisign.models.heads.closed_vocabulary import ClosedVocabulary, read_labels
from unisign.models.heads.decoder_steps import TextDecoder
from unisign.models.heads.gloss_vocabulary import GlossVocabulary
from unisign.models.heads.text_codec import TextCodec
from unisign.models.heads.text_writing import write_texts
from unisign.models.language_models import T5Family
from unisign.structures import DataError, SignDataSample


def make_vocabularies(
    vocabularies: Mapping[str, str | Sequence[str]], codec: TextCodec, start_token: int, ranking: str = 'tree'
) -> nn.ModuleDict:
    """Return the vocabulary of each task: a ``GlossVocabulary`` for cslr, else a ``ClosedVocabulary``.

    Args:
        vocabularies: task -> its labels, as a file (one a line) or a list.
        codec: text codec of the language model.
        start_token: the decoder's start token.
        ranking: how whole labels are ranked, ``tree`` or ``likelihood``.

    Raises:
        DataError: if a vocabulary cannot be read, or its labels are refused.
    """
    made = nn.ModuleDict()
    for task, labels in vocabularies.items():
        source = f'model.head.vocabularies.{task}'
        source = f'{labels} ({source})' if isinstance(labels, str) else source  # errors name the file if there is one
        if task == 'cslr':
            made[task] = GlossVocabulary(read_labels(labels), codec, source)
        else:
            made[task] = ClosedVocabulary(read_labels(labels), codec, start_token, ranking, source)
    return made


def join_prompts(
    prompts: Mapping[str, Tensor], features: Tensor, mask: Tensor, data_samples: list[SignDataSample]
) -> tuple[Tensor, Tensor]:
    """Return what the encoder reads: each sample's prompt, its frames right behind, padding at the end.

    Prompts differ in length between languages; a gap between prompt and frames would move the outputs.

    Args:
        prompts: language code -> the embedded prompt [L, C].
        features: [B, T, C].
        mask: bool [B, T]; true at a clip's frames.
        data_samples: B of them, with ``lang``.

    Returns:
        Embeddings [B, L, C] and mask, long [B, L].
    """
    # The embeddings' precision also under autocast: what the layers add up in must not be rounded to bf16.
    if len({sample.lang for sample in data_samples}) == 1:
        prompt = prompts[data_samples[0].lang]
        together = prompt.expand(len(features), -1, -1), features.to(prompt.dtype)
        return torch.cat(together, dim=1), F.pad(mask.long(), (len(prompt), 0), value=1)
    embeddings, masks = [], []
    for sample, frames, frame_mask in zip(data_samples, features.unbind(0), mask.long().unbind(0), strict=True):
        prompt = prompts[sample.lang]
        embeddings.append(torch.cat([prompt, frames.to(prompt.dtype)]))
        masks.append(torch.cat([frame_mask.new_ones(len(prompt)), frame_mask]))
    pad = torch.nn.utils.rnn.pad_sequence
    return pad(embeddings, batch_first=True), pad(masks, batch_first=True)


def answer_clips(
    model: T5Family | TextDecoder,
    codec: TextCodec,
    vocabularies: nn.ModuleDict,
    states: Tensor,
    mask: Tensor,
    data_samples: list[SignDataSample],
    nbest: int,
    generation: Mapping[str, Any],
) -> list[SignDataSample]:
    """Set ``pred_text``, ``pred_score`` and ``nbest`` of the samples.

    Args:
        model: T5-family model in evaluation mode, or what decodes in its place.
        codec: its text codec.
        vocabularies: from ``make_vocabularies``; other tasks are answered freely.
        states: encoder states [B, S, C].
        mask: [B, S]; 1 where a state counts.
        data_samples: B of them, with ``task``.
        nbest: answers a clip; in free generation at most the number of beams.
        generation: ``num_beams`` and ``max_new_tokens`` of free generation.

    Raises:
        FloatingPointError: if a clip has no finite score.
    """
    tasks = [sample.task if sample.task in vocabularies else None for sample in data_samples]
    for task in sorted(set(tasks), key=str):
        rows = [i for i, own in enumerate(tasks) if own == task]
        vocabulary, some, some_mask = None if task is None else vocabularies[task], states[rows], mask[rows]
        if isinstance(vocabulary, ClosedVocabulary):
            answers = vocabulary.rank(model, some, some_mask, nbest)
        elif isinstance(vocabulary, GlossVocabulary):
            answers = vocabulary.write(model, some, some_mask, nbest, **generation)
        else:
            answers = write_texts(model, codec, some, some_mask, nbest, **generation)
        for i, best in zip(rows, answers, strict=True):
            _refuse_non_finite(data_samples[i], best)
            data_samples[i].nbest = best
            data_samples[i].pred_text, data_samples[i].pred_score = best[0]
    return data_samples


def check_dataset(
    overview: DatasetOverview, training: bool, codec: TextCodec, vocabularies: nn.ModuleDict
) -> list[str]:
    """Check languages and labels before a run; see ``MT5GenerationHead.check_dataset``.

    Raises:
        DataError: for a language that the prompt cannot name, and for labels that are lacking in training, or all of
            them.
    """
    for lang, clip in overview.languages.items():
        try:
            codec.prompt_ids(lang)
        except DataError as error:
            raise DataError(
                f'{overview.source}, clip {clip!r}', f'"lang" is {lang!r}: {error.problem}', error.advice
            ) from error
    if overview.task not in vocabularies:
        return []
    vocabulary = cast(ClosedVocabulary | GlossVocabulary, vocabularies[overview.task])
    return vocabulary.check_targets(overview.targets, overview.source, training)


def _refuse_non_finite(sample: SignDataSample, nbest: list[list]) -> None:
    if not nbest or not math.isfinite(nbest[0][1]):
        raise FloatingPointError(
            f'clip {sample.clip_id}: the model gives no finite score; its weights or inputs hold NaN or infinity. Use '
            'an earlier checkpoint, or check the clip.'
        )

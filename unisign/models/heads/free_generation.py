"""Free generation: beam search over the whole vocabulary."""

import torch
from torch import Tensor
from transformers import GenerationConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

from unisign.models.heads.text_codec import TextCodec


def generate_texts(
    model: PreTrainedModel,
    codec: TextCodec,
    states: Tensor,
    mask: Tensor,
    nbest: int = 1,
    num_beams: int = 4,
    max_new_tokens: int = 100,
) -> list[list[list]]:
    """Write text from encoder states.

    Args:
        model: T5-family model; only its decoder runs.
        codec: its text codec.
        states: encoder states [B, L, C].
        mask: long [B, L]; 1 where a state counts.
        nbest: answers a clip, at most ``num_beams``.
        num_beams: beams; 1 is greedy search.
        max_new_tokens: longest answer.

    Returns:
        For each clip its answers ``[text, score]``, best first; the score is exp of the mean log probability of the
        answer's tokens, in 0..1.
    """
    sequences, scores = generate_ids(model, states, mask, min(nbest, num_beams), num_beams, max_new_tokens)
    texts = codec.decode(sequences)
    answers = [[text, score] for text, score in zip(texts, scores.exp().tolist(), strict=True)]
    count = len(answers) // len(states)
    return [answers[i : i + count] for i in range(0, len(answers), count)]


def generate_ids(
    model: PreTrainedModel, states: Tensor, mask: Tensor, nbest: int, num_beams: int, max_new_tokens: int
) -> tuple[Tensor, Tensor]:
    """Return token ids [B * nbest, L], the decoder's start token first, and mean log probabilities [B * nbest]."""
    config = model.config
    output = model.generate(
        encoder_outputs=BaseModelOutput(last_hidden_state=states),
        attention_mask=mask,
        generation_config=GenerationConfig(
            num_beams=num_beams,
            num_return_sequences=nbest,
            max_new_tokens=max_new_tokens,
            do_sample=False,
            decoder_start_token_id=config.decoder_start_token_id,
            eos_token_id=config.eos_token_id,
            pad_token_id=config.pad_token_id,
            return_dict_in_generate=True,
            output_scores=True,
            output_logits=num_beams == 1,
        ),
    )
    if num_beams > 1:
        return output.sequences, output.sequences_scores
    tokens = output.sequences[:, 1:]
    log_probs = torch.stack(output.logits, dim=1).float().log_softmax(dim=-1)
    log_probs = log_probs.gather(2, tokens[..., None])[..., 0]
    ended = (tokens == config.eos_token_id).cumsum(dim=1) - (tokens == config.eos_token_id).long() > 0
    return output.sequences, log_probs.masked_fill(ended, 0).sum(dim=1) / (~ended).sum(dim=1)

"""Free text from encoder states."""

import math

from torch import Tensor

from unisign.models.heads.beam_search import beam_search
from unisign.models.heads.decoder_steps import TextDecoder
from unisign.models.heads.gloss_grammar import GlossGrammar
from unisign.models.heads.text_codec import TextCodec
from unisign.models.language_models import T5Family


def write_texts(
    model: T5Family | TextDecoder,
    codec: TextCodec,
    states: Tensor,
    mask: Tensor,
    nbest: int,
    num_beams: int = 4,
    max_new_tokens: int = 100,
    grammar: GlossGrammar | None = None,
) -> list[list[list]]:
    """Return for each clip its best texts ``[text, score]``, best first.

    The score is exp of the mean log probability of the tokens, in 0..1.

    Args:
        model: T5-family model in evaluation mode, or what decodes in its place.
        codec: its text codec.
        states: encoder states [B, S, C].
        mask: [B, S]; 1 where a state counts.
        nbest: texts a clip, at most ``num_beams``.
        num_beams: texts followed at once; 1 is greedy search.
        max_new_tokens: longest text in tokens.
        grammar: which tokens may follow; None allows all. The probabilities are those among the allowed ones.
    """
    found = beam_search(model, states, mask, num_beams, max_new_tokens, grammar)
    answers = []
    for tokens, scores in zip(found.tokens.tolist(), found.scores.tolist(), strict=True):
        pairs = [pair for pair in zip(tokens, scores, strict=True) if math.isfinite(pair[1])]  # maybe < num_beams
        answers.append([[codec.decode(ids), math.exp(score)] for ids, score in pairs[:nbest]])
    return answers

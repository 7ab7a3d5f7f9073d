"""Beam search over the whole vocabulary.

A grammar narrows the vocabulary down to glosses; the probabilities are then those among the tokens it allows.

The rules are Hugging Face's (``early_stopping=False``, length penalty 1), and so are the answers; a test compares them.
What differs is the work: a clip's encoder states are projected once and shared by its beams, finished clips leave the
batch, and the scores of the answers come without keeping every step's scores over the vocabulary.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from unisign.models.heads.decoder_steps import DecoderSteps, TextDecoder, pick, start_decoding
from unisign.models.heads.gloss_grammar import FORBIDDEN, GlossGrammar
from unisign.models.heads.t5_decoder import special_tokens
from unisign.models.heads.wide_top import wide_top
from unisign.models.language_models import T5Family

IMPOSSIBLE = float('-inf')


@dataclass
class Hypotheses:
    """Texts of B clips, M a clip, best first.

    Attributes:
        tokens: long [B, M, L], without start token; padding after ``</s>``.
        scores: float32 [B, M]; mean log probability of the tokens, ``</s>`` included; ``IMPOSSIBLE``: no such text.
    """

    tokens: Tensor
    scores: Tensor

    def merge(self, tokens: Tensor, scores: Tensor, count: int) -> 'Hypotheses':
        """Return the best ``count`` of these and further texts."""
        tokens, scores = torch.cat([self.tokens, tokens], dim=1), torch.cat([self.scores, scores], dim=1)
        scores, best = scores.topk(min(count, scores.shape[1]), dim=1)
        return Hypotheses(pick(tokens, best), scores)


@torch.no_grad()
def beam_search(
    model: T5Family | TextDecoder,
    states: Tensor,
    mask: Tensor,
    num_beams: int = 4,
    max_new_tokens: int = 100,
    grammar: GlossGrammar | None = None,
) -> Hypotheses:
    """Return each clip's ``num_beams`` best texts.

    Args:
        model: T5-family model in evaluation mode, or what decodes in its place; only its decoder runs, one token a
            step.
        states: encoder states [B, S, C].
        mask: [B, S]; 1 where a state counts.
        num_beams: texts followed at once; 1 is greedy search.
        max_new_tokens: longest text in tokens; one that reaches it ends there.
        grammar: which tokens may follow; None allows all.
    """
    steps = start_decoding(model, states, mask, max_new_tokens)
    clips = torch.arange(len(mask), device=mask.device)
    search = _BeamSearch(steps, clips, special_tokens(model), num_beams, max_new_tokens, grammar)
    for _ in range(max_new_tokens):
        search.step()
        if search.is_over():
            break
    return search.finished


class _BeamSearch:
    """The state of a search: beams of the clips that are not done, finished texts of all clips."""

    def __init__(
        self,
        steps: DecoderSteps,
        clips: Tensor,
        special: tuple[int, int, int],
        num_beams: int,
        max_new_tokens: int,
        grammar: GlossGrammar | None,
    ) -> None:
        self.steps, self.num_beams, self.max_new_tokens = steps, num_beams, max_new_tokens
        self.eos, pad, start = special
        device, shape = clips.device, (len(clips), 1)  # the beams start alike: one of them speaks for all
        self.clips = clips  # which clips the rows below are
        self.done = torch.zeros(len(clips), dtype=torch.bool, device=device)
        self.last = torch.full(shape, start, device=device)
        self.tokens = torch.full((*shape, max_new_tokens), pad, device=device)
        self.scores = torch.zeros(shape, device=device)
        self.finished = Hypotheses(
            self.tokens.repeat(1, num_beams, 1), torch.full((len(clips), num_beams), IMPOSSIBLE, device=device)
        )
        self.length = 0
        self.grammar = grammar
        self.place = torch.zeros_like(self.last)  # each beam's state in the grammar

    def step(self) -> None:
        """Append one token to every beam."""
        log_probs = self._log_probs(self.steps.read(self.last))
        # At most half of these can end, each beam by its one </s>: enough stay to go on with. The best of all beams are
        # among the best of each: so the vocabulary is looked through once.
        count = 2 * self.num_beams
        each, tokens_of_each = wide_top(log_probs, count)
        totals = (each + self.scores[..., None]).flatten(1)
        scores, best = totals.topk(min(count, totals.shape[1]), dim=1)
        beams, chosen = best.div(each.shape[-1], rounding_mode='floor'), tokens_of_each.flatten(1).gather(1, best)
        last = chosen if self.grammar is None else self.grammar.tokens[chosen]
        tokens = pick(self.tokens, beams)
        tokens[:, :, self.length] = last
        self.length += 1
        ends = (last == self.eos) | (self.length == self.max_new_tokens)
        self._collect(tokens, scores, ends)
        self._go_on(tokens, scores, ends, beams, last, chosen)
        worst = self.finished.scores[self.clips, -1]
        self.done |= self.scores[:, 0] / self.length <= worst  # what goes on can hardly become better

    def _log_probs(self, states: Tensor) -> Tensor:
        """Return the log probability [B, beams, choices] of each token, or of each token of the grammar."""
        if self.grammar is None:
            return self.steps.logits(states).log_softmax(dim=-1)
        logits = self.steps.logits(states, self.grammar.tokens)
        return logits.masked_fill(self.grammar.next_state[self.place] == FORBIDDEN, IMPOSSIBLE).log_softmax(dim=-1)

    def is_over(self) -> bool:
        """Tell whether every clip is done; once half of them are, go on without these."""
        clips, done = len(self.done), int(self.done.sum())  # the one wait for a GPU in a step
        if done < clips <= 2 * done:
            self._drop_done_clips()
        return done == clips

    def _collect(self, tokens: Tensor, scores: Tensor, ends: Tensor) -> None:
        """Take texts that ended into the finished ones, if they are among the best ``num_beams``."""
        count = self.num_beams
        means = (scores / self.length).masked_fill(~ends | self.done[:, None], IMPOSSIBLE)[:, :count]
        before = Hypotheses(self.finished.tokens[self.clips], self.finished.scores[self.clips])
        after = before.merge(tokens[:, :count], means, count)
        self.finished.tokens[self.clips], self.finished.scores[self.clips] = after.tokens, after.scores

    def _go_on(self, tokens: Tensor, scores: Tensor, ends: Tensor, beams: Tensor, last: Tensor, chosen: Tensor) -> None:
        """Make the best texts that did not end the beams of the next step."""
        scores = scores.masked_fill(ends, IMPOSSIBLE)
        self.scores, best = scores.topk(min(self.num_beams, scores.shape[1]), dim=1)
        self.tokens, self.last = pick(tokens, best), last.gather(1, best)
        origin = beams.gather(1, best)
        if self.grammar is not None:
            reached = self.grammar.next_state[self.place.gather(1, origin), chosen.gather(1, best)]
            self.place = reached.long().clamp(min=0)  # a forbidden token's beam is impossible, and goes on anywhere
        self.steps.reorder(origin)

    def _drop_done_clips(self) -> None:
        rows = (~self.done).nonzero()[:, 0]
        self.steps.select(rows)
        self.clips = self.clips[rows]
        self.done, self.last, self.tokens = self.done[rows], self.last[rows], self.tokens[rows]
        self.scores, self.place = self.scores[rows], self.place[rows]

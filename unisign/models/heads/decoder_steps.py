"""What beam search asks of a decoder: the next states, their scores, and a cache that follows the beams.

The search does not know who computes. ``TorchSteps`` runs a T5-family model; an exported model has steps of its own.

Shape letters: B clips, M beams a clip, C width of the model, H heads, K width of a head, V vocabulary.
"""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor

from unisign.models.heads.prefix_tree import PrefixTree
from unisign.models.heads.t5_decoder import (
    Memory,
    apply_linear,
    attend_to_cache,
    make_memory,
    output_scale,
    position_biases,
    run_decoder,
)
from unisign.models.language_models import T5Family


class DecoderSteps(Protocol):
    """The decoder of some clips, which are read one token after the other."""

    def read(self, tokens: Tensor) -> Tensor:
        """Read a token a beam, long [B, M]; return the states [B, M, C], ready for the output layer."""
        ...

    def logits(self, states: Tensor, tokens: Tensor | None = None) -> Tensor:
        """Return float32 scores [B, M, V] of the whole vocabulary, or [B, M, U] of the tokens, long [U]."""
        ...

    def reorder(self, origin: Tensor) -> None:
        """Let each beam go on from what another has read, long [B, M']."""
        ...

    def select(self, clips: Tensor) -> None:
        """Go on with some clips, long [b]."""
        ...


@runtime_checkable
class TextDecoder(Protocol):
    """What decodes in the place of a T5-family model.

    Attributes:
        config: the language model's config.
    """

    config: Any

    def start(self, states: Tensor, mask: Tensor) -> DecoderSteps:
        """Return the steps for encoder states [B, S, C] with mask [B, S]."""
        ...

    def edge_logits(
        self, tree: PrefixTree, states: Tensor, mask: Tensor, over_vocabulary: bool
    ) -> tuple[Tensor, Tensor | None]:
        """Return the scores [B, E] of the tree's edges and, over the vocabulary, each node's logsumexp [B, N]."""
        ...


def start_decoding(model: T5Family | TextDecoder, states: Tensor, mask: Tensor, max_new_tokens: int) -> DecoderSteps:
    """Return the steps of at most ``max_new_tokens`` tokens; see ``TextDecoder.start``."""
    if isinstance(model, TextDecoder):
        return model.start(states, mask)
    return TorchSteps(model, make_memory(model, states, mask), max_new_tokens)


class TorchSteps:
    """``DecoderSteps`` of a T5-family model.

    Args:
        model: in evaluation mode.
        memory: of the clips.
        max_new_tokens: longest text in tokens.
    """

    def __init__(self, model: T5Family, memory: Memory, max_new_tokens: int) -> None:
        self.model, self.memory = model, memory
        self.biases = position_biases(model, max_new_tokens)
        self.cache: list[tuple[Tensor, Tensor]] = []  # a layer's keys and values, [B, M, H, step, K]

    def read(self, tokens: Tensor) -> Tensor:
        """See ``DecoderSteps``."""
        return run_decoder(self.model, tokens, self.memory, self._attend) * output_scale(self.model)

    def logits(self, states: Tensor, tokens: Tensor | None = None) -> Tensor:
        """See ``DecoderSteps``."""
        if tokens is None:
            return apply_linear(self.model.lm_head, states).float()
        return F.linear(states, self.model.lm_head.weight[tokens]).float()

    def reorder(self, origin: Tensor) -> None:
        """See ``DecoderSteps``."""
        flat = [tensor for layer in self.cache for tensor in layer]
        picked = iter(pick_all(flat, origin))
        self.cache = list(zip(picked, picked, strict=True))

    def select(self, clips: Tensor) -> None:
        """See ``DecoderSteps``."""
        self.memory = self.memory.select(clips)
        self.cache = [(keys[clips], values[clips]) for keys, values in self.cache]

    def _attend(self, layer: int, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        past = self.cache[layer] if layer < len(self.cache) else None
        attended, cache = attend_to_cache(self.biases[layer], queries, keys, values, past)
        self.cache[layer : layer + 1] = [cache]
        return attended


def pick(values: Tensor, indices: Tensor) -> Tensor:
    """Return ``values[b, indices[b]]``: [B, M, ...] and [B, m] to [B, m, ...]."""
    return pick_all([values], indices)[0]


def pick_all(tensors: Sequence[Tensor], indices: Tensor) -> list[Tensor]:
    """Return ``values[b, indices[b]]`` of each of some tensors [B, M, ...] with the same B and M."""
    first = tensors[0].shape[1] * torch.arange(len(indices), device=indices.device)
    rows = (first[:, None] + indices).flatten()
    return [values.flatten(0, 1).index_select(0, rows).unflatten(0, indices.shape) for values in tensors]

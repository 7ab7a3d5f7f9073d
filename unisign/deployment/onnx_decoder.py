"""``OnnxTextDecoder``: the exported language model in the place of a T5-family model."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from unisign.deployment.sessions import OnnxGraph
from unisign.models.heads.decoder_steps import pick_all
from unisign.models.heads.prefix_tree import PrefixTree

# Numbers held at once: 64 MiB in float32.
CHUNK_NUMBERS = 2**24


class OnnxTextDecoder:
    """``TextDecoder`` of exported graphs.

    Args:
        config: the language model's config.
        embedding: token ids to embeddings.
        memory: encoder states to keys and values.
        decoder: one step.
        output: states to the scores of the vocabulary.
        output_rows: token ids to rows of the output layer; needed for closed vocabularies alone.
    """

    def __init__(
        self,
        config: Any,
        embedding: OnnxGraph,
        memory: OnnxGraph,
        decoder: OnnxGraph,
        output: OnnxGraph,
        output_rows: OnnxGraph | None = None,
    ) -> None:
        self.config, self.memory, self.decoder = config, memory, decoder
        self._embedding, self._output, self._output_rows = embedding, output, output_rows
        self._rows: dict[int, tuple[Tensor, Tensor]] = {}  # by the tokens' address: the tokens, their rows

    def start(self, states: Tensor, mask: Tensor) -> 'OnnxSteps':
        """See ``TextDecoder``."""
        bias = torch.zeros(mask.shape).masked_fill(mask.cpu() == 0, torch.finfo(torch.float32).min)
        return OnnxSteps(self, self.memory(states), bias[:, None, None])

    def embed(self, tokens: Tensor) -> Tensor:
        """Return the embeddings [.., C] of tokens."""
        return self._embedding(tokens.flatten())[0].unflatten(0, tokens.shape)

    def logits(self, states: Tensor) -> Tensor:
        """Return the scores [.., V] of the vocabulary for states [.., C]."""
        return self._output(states.flatten(0, -2))[0].unflatten(0, states.shape[:-1])

    def output_rows(self, tokens: Tensor) -> Tensor:
        """Return the rows [U, C] of the output layer for a vocabulary's tokens, read once."""
        if self._output_rows is None:
            raise RuntimeError('the export has no rows of the output layer: it was made without vocabularies.')
        held, rows = self._rows.get(tokens.data_ptr(), (None, None))
        if held is None or rows is None:
            held, rows = tokens, self._output_rows(tokens)[0]
            self._rows[tokens.data_ptr()] = held, rows  # held: so that its address is not given to others
        return rows

    def edge_logits(
        self, tree: PrefixTree, states: Tensor, mask: Tensor, over_vocabulary: bool
    ) -> tuple[Tensor, Tensor | None]:
        """See ``TextDecoder``. Each level of the tree is a step, whose texts go on from those of their parents."""
        steps, clips = self.start(states, mask), len(states)
        hidden = torch.empty(clips, len(tree.tokens), states.shape[-1])
        place = torch.zeros_like(tree.tokens)
        for depth in range(int(tree.depth.max()) + 1):
            nodes = (tree.depth == depth).nonzero()[:, 0]
            if depth:
                steps.reorder(place[tree.ancestors[nodes, depth - 1]].expand(clips, -1))
            place[nodes] = torch.arange(len(nodes))
            hidden[:, nodes] = steps.read(tree.tokens[nodes].expand(clips, -1))
        rows = self.output_rows(tree.edge_token)
        edges = max(1, CHUNK_NUMBERS // (clips * hidden.shape[-1]))
        pairs = zip(tree.edge_node.split(edges), rows.split(edges), strict=True)
        logits = torch.cat([(hidden[:, node] * part).sum(dim=-1) for node, part in pairs], dim=1)
        return logits, self._vocabulary_total(hidden) if over_vocabulary else None

    def _vocabulary_total(self, hidden: Tensor) -> Tensor:
        nodes = max(1, CHUNK_NUMBERS // (len(hidden) * self.config.vocab_size))
        return torch.cat([self.logits(part).logsumexp(dim=-1) for part in hidden.split(nodes, dim=1)], dim=1)


class OnnxSteps:
    """``DecoderSteps`` of exported graphs.

    Args:
        model: whose graphs they are.
        memory: keys and values of the encoder states, layer by layer, [B, H, K, L] and [B, H, L, K].
        memory_bias: [B, 1, 1, L]; a very large negative number where a state does not count.
    """

    def __init__(self, model: OnnxTextDecoder, memory: list[Tensor], memory_bias: Tensor) -> None:
        self.model, self.memory, self.memory_bias = model, memory, memory_bias
        self.cache: list[Tensor] = []

    def read(self, tokens: Tensor) -> Tensor:
        """See ``DecoderSteps``."""
        if not self.cache:
            clips, heads, _, width = self.memory[1].shape
            self.cache = [torch.empty(clips, tokens.shape[1], heads, 0, width) for _ in self.memory]
        embedded = self.model.embed(tokens)
        states, *self.cache = self.model.decoder(embedded, self.memory_bias, *self.memory, *self.cache)
        return states

    def logits(self, states: Tensor, tokens: Tensor | None = None) -> Tensor:
        """See ``DecoderSteps``."""
        return self.model.logits(states) if tokens is None else F.linear(states, self.model.output_rows(tokens))

    def reorder(self, origin: Tensor) -> None:
        """See ``DecoderSteps``."""
        self.cache = pick_all(self.cache, origin)

    def select(self, clips: Tensor) -> None:
        """See ``DecoderSteps``."""
        self.memory, self.memory_bias = [tensor[clips] for tensor in self.memory], self.memory_bias[clips]
        self.cache = [tensor[clips] for tensor in self.cache]

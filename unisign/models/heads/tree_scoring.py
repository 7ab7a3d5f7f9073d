"""All words of a closed set scored in one pass of the decoder over their prefix tree.

The tree's nodes are the decoder's positions: each attends to its ancestors only, at the distances it would have in the
text, and to the clip's encoder states, which all nodes share. So every prefix is computed once.
"""

from functools import partial

import torch
from torch import Tensor

from unisign.models.heads.decoder_steps import TextDecoder
from unisign.models.heads.prefix_tree import PrefixTree
from unisign.models.heads.t5_decoder import make_memory, output_scale, position_biases, run_decoder
from unisign.models.language_models import T5Family

# Numbers held at once in the largest tensor of a chunk: 256 MiB in float32.
CHUNK_NUMBERS = 2**26


@torch.no_grad()
def score_words(model: T5Family | TextDecoder, tree: PrefixTree, states: Tensor, mask: Tensor) -> Tensor:
    """Return each word's log probability among the words of the tree.

    A word's probability is the product, over its tokens and ``</s>``, of the softmax over the tokens the tree allows
    there. So the probabilities of all words add up to 1.

    Args:
        model: T5-family model in evaluation mode, or what decodes in its place.
        tree: of the words.
        states: encoder states [B, S, C].
        mask: [B, S]; 1 where a state counts.

    Returns:
        float32 [B, words].
    """
    return _score(model, tree, states, mask, over_vocabulary=False)


@torch.no_grad()
def score_words_by_likelihood(model: T5Family | TextDecoder, tree: PrefixTree, states: Tensor, mask: Tensor) -> Tensor:
    """Return each word's log likelihood, the softmax being over the whole vocabulary at every token.

    Arguments and result as for ``score_words``; the tree must have been built with ``only_choices=False``. The
    probabilities add up to less than 1: the rest belongs to texts that are no word of the set.
    """
    return _score(model, tree, states, mask, over_vocabulary=True)


def _score(
    model: T5Family | TextDecoder, tree: PrefixTree, states: Tensor, mask: Tensor, over_vocabulary: bool
) -> Tensor:
    if not len(tree.tokens):  # a single word: nothing to choose
        return torch.zeros(len(states), len(tree.paths), device=states.device)
    config = model.config
    lines = tree.ancestors.shape[1] * config.d_kv
    widest = max(config.d_ff, config.num_heads * max(lines, mask.shape[1]))
    clips = max(1, CHUNK_NUMBERS // (len(tree.tokens) * widest))
    chunks = zip(states.split(clips), mask.split(clips), strict=True)
    return torch.cat([_score_chunk(model, tree, *chunk, over_vocabulary) for chunk in chunks])


def _score_chunk(
    model: T5Family | TextDecoder, tree: PrefixTree, states: Tensor, mask: Tensor, over_vocabulary: bool
) -> Tensor:
    compute = model.edge_logits if isinstance(model, TextDecoder) else partial(_torch_edge_logits, model)
    logits, total = compute(tree, states, mask, over_vocabulary)
    log_probs = logits - (_sibling_total(logits, tree) if total is None else total)[:, tree.edge_node]
    certain = log_probs.new_zeros(len(log_probs), 1)
    return torch.cat([log_probs, certain], dim=1)[:, tree.paths].sum(dim=2)


def _torch_edge_logits(
    model: T5Family, tree: PrefixTree, states: Tensor, mask: Tensor, over_vocabulary: bool
) -> tuple[Tensor, Tensor | None]:
    """See ``TextDecoder.edge_logits``."""
    attend = _AncestorAttention(tree, position_biases(model, tree.ancestors.shape[1]))
    hidden = run_decoder(model, tree.tokens[None], make_memory(model, states, mask), attend)
    # bf16 would blur the ranking: the last product in float32.
    with torch.autocast(hidden.device.type, enabled=False):
        hidden, weight = hidden.float() * output_scale(model), model.lm_head.weight
        total = _vocabulary_total(hidden, weight) if over_vocabulary else None
        return _edge_logits(hidden, weight, tree), total


class _AncestorAttention:
    """Self-attention of the tree's nodes, each to the nodes on its way from the root."""

    def __init__(self, tree: PrefixTree, biases: list[Tensor]) -> None:
        self.ancestors = tree.ancestors
        distance = tree.depth[:, None] - torch.arange(tree.ancestors.shape[1], device=tree.depth.device)
        self.beyond = distance < 0  # filled-up places
        self.distance, self.biases = distance.clamp(min=0), biases

    def __call__(self, layer: int, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Return [B, N, H, K]; see ``SelfAttend``."""
        clips, nodes, heads, width = queries.shape
        size = max(1, CHUNK_NUMBERS // (clips * self.ancestors.shape[1] * heads * width))
        return torch.cat(
            [self._attend(layer, slice(i, i + size), queries, keys, values) for i in range(0, nodes, size)], dim=1
        )

    def _attend(self, layer: int, nodes: slice, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        lines = self.ancestors[nodes]  # [n, D]
        scores = torch.einsum('bnhk,bnthk->bnht', queries[:, nodes], keys[:, lines])
        scores = scores + self.biases[layer][self.distance[nodes]].transpose(1, 2)  # [n, H, D]
        scores = scores.masked_fill(self.beyond[nodes][:, None], torch.finfo(scores.dtype).min)
        weights = scores.float().softmax(dim=-1).type_as(scores)
        return torch.einsum('bnht,bnthk->bnhk', weights, values[:, lines])


def _edge_logits(hidden: Tensor, weight: Tensor, tree: PrefixTree) -> Tensor:
    """Return the output layer's scores [B, E] of the edges alone."""
    edges = max(1, CHUNK_NUMBERS // (len(hidden) * hidden.shape[-1]))
    pairs = zip(tree.edge_node.split(edges), tree.edge_token.split(edges), strict=True)
    return torch.cat([(hidden[:, node] * weight[token].float()).sum(dim=-1) for node, token in pairs], dim=1)


def _sibling_total(logits: Tensor, tree: PrefixTree) -> Tensor:
    """Return, for each node, the log of the summed exponentials of its edges' scores: [B, E] -> [B, N]."""
    where = tree.edge_node.expand(len(logits), -1)
    shape = (len(logits), len(tree.tokens))
    largest = logits.new_full(shape, -torch.inf).scatter_reduce(1, where, logits, 'amax')
    summed = logits.new_zeros(shape).scatter_add(1, where, (logits - largest.gather(1, where)).exp())
    return summed.log() + largest


def _vocabulary_total(hidden: Tensor, weight: Tensor) -> Tensor:
    """Return, for each node, the log of the summed exponentials over the vocabulary: [B, N, C] -> [B, N]."""
    nodes, weight = max(1, CHUNK_NUMBERS // (len(hidden) * len(weight))), weight.float()
    return torch.cat([(part @ weight.t()).logsumexp(dim=-1) for part in hidden.split(nodes, dim=1)], dim=1)

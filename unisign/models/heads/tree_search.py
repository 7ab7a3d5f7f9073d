"""The likeliest words of a closed set, without the whole of their prefix tree: for the CPU.

A word is at most as likely as each of its prefixes. So the tree is read from its root downwards, depth by depth: first
along the likeliest prefixes alone, to their words, then along all those that are likelier than the best words found. A
model that knows the sign reads a small part of a tree of thousands of words; one that does not would read most of it,
and is left to the single pass over all of it (``tree_scoring``). On a GPU, too, that pass answers: it is one call.

Shape letters: B clips, M prefixes a clip, K branches a prefix, C width of the model.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from unisign.models.heads.decoder_steps import TorchSteps
from unisign.models.heads.prefix_tree import PrefixTree
from unisign.models.heads.t5_decoder import make_memory
from unisign.models.language_models import T5Family

# Of the tree's nodes: beyond it one pass over all of them is no dearer.
LARGEST_SHARE = 0.25


@torch.no_grad()
def best_words(
    model: T5Family, tree: PrefixTree, states: Tensor, mask: Tensor, count: int
) -> tuple[Tensor, Tensor] | None:
    """Return the ``count`` likeliest words of each clip, or None if too much of the tree would have to be read.

    Args:
        model: T5-family model in evaluation mode.
        tree: of the words, built with ``only_choices=True``.
        states: encoder states [B, S, C].
        mask: [B, S]; 1 where a state counts.
        count: words a clip, at most all.

    Returns:
        Their log probabilities among the words, float32 [B, count], largest first, and their numbers, long [B, count].
        They are those of ``score_words``.
    """
    longest = tree.ancestors.shape[1]
    if 1 + count * longest > LARGEST_SHARE * len(tree.tokens):
        return None
    memory = make_memory(model, states, mask)
    found = states.new_full((len(states), len(tree.paths) + 1), -torch.inf, dtype=torch.float32)
    left = int(LARGEST_SHARE * len(tree.tokens))
    for width in (count, left):
        left = _read_down(TorchSteps(model, memory, longest), tree, found, count, width, left)
        if left < 0:
            return None
    best = found[:, :-1].topk(count, dim=1)
    return best.values, best.indices


def _read_down(steps: TorchSteps, tree: PrefixTree, found: Tensor, count: int, width: int, left: int) -> int:
    """Read the tree along prefixes that are likelier than the ``count`` best words, and note the words that are found.

    Args:
        steps: of the clips, at the start.
        tree: of the words.
        found: each word's log probability [B, words + 1], -infinity where it is not known; the last place is for
            branches that end no word. Changed in place.
        count: see above.
        width: prefixes of one length a clip that go on, at most.
        left: nodes a clip that may be read.

    Returns:
        How many are left; less than 0 where there were not enough, and words may be lacking.
    """
    size = len(tree.tokens)
    nodes = torch.zeros(len(found), 1, dtype=torch.long, device=found.device)
    likely = torch.zeros(len(found), 1, device=found.device)
    while (left := left - nodes.shape[1]) >= 0:
        hidden = steps.read(tree.tokens[nodes.clamp(max=size - 1)])
        scores, branches = _branch_scores(steps.model, tree, hidden, nodes)
        each = scores.shape[-1]
        scores, branches = (scores + likely[..., None]).flatten(1), branches.flatten(1)
        found.scatter_reduce_(1, tree.branch_word[branches], scores, 'amax')
        least = found[:, :-1].topk(count, dim=1).values[:, -1:]
        goes_on = (tree.branch_node[branches] < size) & (scores > least)
        most = min(int(goes_on.sum(dim=1).max()), width)
        if not most:
            break
        likely, chosen = scores.masked_fill(~goes_on, -torch.inf).topk(most, dim=1)
        # Where a clip has fewer: a node that the tree does not have, without branches.
        nodes = tree.branch_node[branches.gather(1, chosen)].masked_fill(likely == -torch.inf, size)
        steps.reorder(chosen.div(each, rounding_mode='floor'))
    return left


def _branch_scores(model: T5Family, tree: PrefixTree, hidden: Tensor, nodes: Tensor) -> tuple[Tensor, Tensor]:
    """Return the log probability of each branch among its node's, and the branches, [B, M, K] both.

    Where a node has fewer, -infinity and the branch that ends no word and leads nowhere.

    Args:
        model: for its output layer.
        tree: of the words.
        hidden: the decoder's states at the nodes [B, M, C].
        nodes: long [B, M].
    """
    first, end = tree.branch_start[nodes], tree.branch_start[nodes + 1]
    branches = first[..., None] + torch.arange(int((end - first).max()), device=nodes.device)
    there = branches < end[..., None]
    tokens, column = tree.branch_token[branches[there]].unique(return_inverse=True)
    # As in ``tree_scoring``: bf16 would blur the ranking.
    with torch.autocast(hidden.device.type, enabled=False):
        logits = F.linear(hidden.float(), model.lm_head.weight[tokens].float())
    columns = torch.zeros_like(branches)
    columns[there] = column
    scores = logits.gather(-1, columns).masked_fill(~there, -torch.inf).log_softmax(dim=-1)
    return scores.masked_fill(~there, -torch.inf), branches.masked_fill(~there, len(tree.branch_node) - 1)

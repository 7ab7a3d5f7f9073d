"""``PrefixTree``: the token sequences of a closed set of words, shared prefixes once."""

from collections.abc import Sequence
from itertools import accumulate

import torch
from torch import Tensor, nn

# Node, the token its position reads (None at the root: the start token), the nodes from the root to it.
_Node = tuple[int, int | None, list[int]]


class PrefixTree(nn.Module):
    """The decoder positions and choices that tell the words of a closed set apart.

    A node stands for a prefix (the root for the start token), an edge for the token that may follow it. A decoder
    position is needed at the nodes where something is scored and at their ancestors, which they attend to.

    Args:
        sequences: token ids of each word, ``</s>`` last; no two alike.
        start_token: the decoder's start token.
        only_choices: whether to score only where the tree allows more than one token. Elsewhere the probability among
            the allowed tokens is 1, and long tails of words that are unique by then need no decoder position.

    Attributes:
        tokens: long [N]; the token each node's position reads; N is 0 if there is nothing to score.
        depth: long [N]; the root's is 0.
        ancestors: long [N, D]; nodes on the way from the root to the node itself, filled up with 0.
        edge_node: long [E]; the node an edge leaves.
        edge_token: long [E]; its token.
        paths: long [words, P]; the scored edges of each word, filled up with E.
        branch_start: long [N + 2]; the first of each node's branches, which lie one after the other: its edges, or the
            one token that leads on where nothing is scored. Node N has none.
        branch_token: long [F]; the token of each branch.
        branch_node: long [F + 1]; the node it leads to; N if it leads to none. Branch F is for places to be filled up.
        branch_word: long [F + 1]; the word that is certain then, or the number of words.

    Raises:
        ValueError: for no sequence, an empty one, or two alike.
    """

    tokens: Tensor
    depth: Tensor
    ancestors: Tensor
    edge_node: Tensor
    edge_token: Tensor
    paths: Tensor
    branch_start: Tensor
    branch_token: Tensor
    branch_node: Tensor
    branch_word: Tensor

    def __init__(self, sequences: Sequence[Sequence[int]], start_token: int, only_choices: bool = True) -> None:
        super().__init__()
        if not sequences or not all(sequences):
            raise ValueError('a prefix tree needs at least one sequence, none of them empty.')
        children, words = grow_tree(sequences)
        if len(set(words)) < len(words):
            raise ValueError('two sequences are alike, so nothing could tell them apart.')
        scored = [len(following) > 1 if only_choices else bool(following) for following in children]
        nodes = _with_ancestors(children, scored)
        number = {node: i for i, (node, _, _) in enumerate(nodes)}
        edges = [(node, token) for node, _, _ in nodes if scored[node] for token in children[node]]
        edge_number = {(node, token): i for i, (node, token) in enumerate(edges)}
        paths = [_scored_edges(sequence, children, edge_number) for sequence in sequences]

        ancestors = [[number[node] for node in line] for _, _, line in nodes]
        self._register('tokens', [start_token if token is None else token for _, token, _ in nodes])
        self._register('depth', [len(line) - 1 for line in ancestors])
        self._register('edge_node', [number[node] for node, _ in edges])
        self._register('edge_token', [token for _, token in edges])
        self.register_buffer('ancestors', _fill_up(ancestors, 0), persistent=False)
        self.register_buffer('paths', _fill_up(paths, len(edges)), persistent=False)
        branches = [(token, child) for node, _, _ in nodes for token, child in children[node].items()]
        counts = [len(children[node]) for node, _, _ in nodes]
        certain, none = _certain_words(sequences, children, number), len(sequences)
        self._register('branch_start', [*accumulate(counts, initial=0), len(branches)])
        self._register('branch_token', [token for token, _ in branches])
        self._register('branch_node', [*(number.get(child, len(nodes)) for _, child in branches), len(nodes)])
        self._register('branch_word', [*(certain.get(child, none) for _, child in branches), none])

    def _register(self, name: str, values: list[int]) -> None:
        self.register_buffer(name, torch.tensor(values, dtype=torch.long), persistent=False)


def grow_tree(sequences: Sequence[Sequence[int]]) -> tuple[list[dict[int, int]], list[int]]:
    """Return each node's children (token -> node) and the node where each sequence ends."""
    children: list[dict[int, int]] = [{}]
    ends = []
    for sequence in sequences:
        node = 0
        for token in sequence:
            if token not in children[node]:
                children[node][token] = len(children)
                children.append({})
            node = children[node][token]
        ends.append(node)
    return children, ends


def _certain_words(
    sequences: Sequence[Sequence[int]], children: list[dict[int, int]], number: dict[int, int]
) -> dict[int, int]:
    """Return node -> word of the first node of each word that needs no position."""
    words = {}
    for word, sequence in enumerate(sequences):
        node = 0
        for token in sequence:
            if node not in number:
                break
            node = children[node][token]
        words[node] = word
    return words


def _with_ancestors(children: list[dict[int, int]], scored: list[bool]) -> list[_Node]:
    """Return all nodes scored or with a scored one below."""
    needed = list(scored)
    for node in range(len(children) - 1, -1, -1):  # a child is always numbered after its parent
        needed[node] = needed[node] or any(needed[child] for child in children[node].values())
    found: list[_Node] = []
    pending: list[_Node] = [(0, None, [0])] if needed[0] else []
    while pending:
        node, token, line = pending.pop()
        found.append((node, token, line))
        pending += [(child, t, [*line, child]) for t, child in children[node].items() if needed[child]]
    return found


def _scored_edges(
    sequence: Sequence[int], children: list[dict[int, int]], edge_number: dict[tuple[int, int], int]
) -> list[int]:
    node, path = 0, []
    for token in sequence:
        if (node, token) in edge_number:
            path.append(edge_number[node, token])
        node = children[node][token]
    return path


def _fill_up(rows: list[list[int]], value: int) -> Tensor:
    width = max((len(row) for row in rows), default=0)
    return torch.tensor([row + [value] * (width - len(row)) for row in rows], dtype=torch.long).view(len(rows), width)

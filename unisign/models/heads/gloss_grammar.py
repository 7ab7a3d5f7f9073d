"""``GlossGrammar``: texts that are glosses of a closed set, one after the other."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from unisign.models.heads.prefix_tree import grow_tree
from unisign.structures import DataError

FORBIDDEN = -1
START, END = 0, 1


class GlossGrammar(nn.Module):
    """Which token may follow, in a text of one or more glosses separated by spaces.

    A finite automaton over the glosses' prefix tree, which starts again at the root wherever a gloss is complete.
    SentencePiece never joins what a space separates, so a text is cut into the tokens of its glosses.

    Args:
        sequences: token ids of each gloss, without ``</s>``.
        eos: id of ``</s>``, which may follow a complete gloss.

    Attributes:
        tokens: long [U]; the tokens that occur in glosses, and ``</s>``, ascending.
        next_state: int32 [states, U]; the state after each token, ``FORBIDDEN`` where it must not follow. The text
            starts in state 0, and ``</s>`` leads to state 1 and stays there.

    Raises:
        DataError: for no gloss, or one without tokens.
    """

    tokens: Tensor
    next_state: Tensor

    def __init__(self, sequences: Sequence[Sequence[int]], eos: int) -> None:
        super().__init__()
        if not sequences or not all(sequences):
            raise DataError('glosses', 'no gloss, or one without tokens.', 'List the glosses, one a line.')
        tokens = sorted({token for sequence in sequences for token in sequence} | {eos})
        column = {token: i for i, token in enumerate(tokens)}
        rows = []
        for following in _automaton(sequences, eos):
            row = [FORBIDDEN] * len(tokens)
            for token, state in following.items():
                row[column[token]] = state
            rows.append(row)
        self.register_buffer('tokens', torch.tensor(tokens), persistent=False)
        self.register_buffer('next_state', torch.tensor(rows, dtype=torch.int32), persistent=False)


def _automaton(sequences: Sequence[Sequence[int]], eos: int) -> list[dict[int, int]]:
    """Return, for every state, the state that each allowed token leads to."""
    children, ends = grow_tree(sequences)
    complete = frozenset(ends)
    # A state is a set of tree nodes: where one gloss begins another, a token may go on or begin anew.
    numbers: dict[frozenset[int], int] = {frozenset([0]): START}
    transitions: list[dict[int, int]] = [{}, {eos: END}]
    pending = [frozenset([0])]
    while pending:
        nodes = pending.pop()
        number = numbers[nodes]
        reached: dict[int, set[int]] = {}
        sources = nodes | {0} if nodes & complete else nodes
        for node in sources:
            for token, child in children[node].items():
                reached.setdefault(token, set()).add(child)
        for token, targets in reached.items():
            state = frozenset(targets)
            if state not in numbers:
                numbers[state] = len(transitions)
                transitions.append({})
                pending.append(state)
            transitions[number][token] = numbers[state]
        if nodes & complete:
            transitions[number][eos] = END
    return transitions

import pytest

from unisign.models.heads.prefix_tree import PrefixTree

# a b </s>, a b c </s>, d e f </s> with </s> = 1: one choice at the root, one after "a b".
SEQUENCES = [[10, 11, 1], [10, 11, 12, 1], [13, 14, 15, 1]]


def test_only_choices_by_hand() -> None:
    tree = PrefixTree(SEQUENCES, start_token=0)
    # root, "a", "a b"; nothing is to be decided below "d", so it has no position.
    assert tree.tokens.tolist() == [0, 10, 11]
    assert tree.depth.tolist() == [0, 1, 2]
    assert tree.ancestors.tolist() == [[0, 0, 0], [0, 1, 0], [0, 1, 2]]
    edges = list(zip(tree.edge_node.tolist(), tree.edge_token.tolist(), strict=True))
    assert sorted(edges) == [(0, 10), (0, 13), (2, 1), (2, 12)]
    none = len(edges)
    assert [[edges[i] for i in path if i != none] for path in tree.paths.tolist()] == [
        [(0, 10), (2, 1)],
        [(0, 10), (2, 12)],
        [(0, 13)],
    ]


def test_all_tokens() -> None:
    tree = PrefixTree(SEQUENCES, start_token=0, only_choices=False)
    assert len(tree.tokens) == 1 + 3 + 3  # root, a, ab, abc, d, de, def
    assert len(tree.edge_token) == 5 + 4  # a, b, </s>, c, </s>; d, e, f, </s>
    words = [[int(tree.edge_token[i]) for i in path if i < len(tree.edge_token)] for path in tree.paths.tolist()]
    assert words == SEQUENCES


def test_a_single_word_needs_no_position() -> None:
    tree = PrefixTree([[10, 11, 1]], start_token=0)
    assert len(tree.tokens) == 0 and tree.paths.shape == (1, 0)


@pytest.mark.parametrize('sequences', [[], [[]], [[10, 1], [10, 1]]])
def test_refused(sequences: list[list[int]]) -> None:
    with pytest.raises(ValueError, match='sequence'):
        PrefixTree(sequences, start_token=0)

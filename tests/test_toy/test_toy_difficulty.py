"""Measuring how hard the toy corpus is."""

from pathlib import Path

import numpy as np
import pytest

from unisign.structures import DataError
from unisign.toy.difficulty import (
    Clip,
    Finding,
    examine_mouth_pairs,
    examine_splits,
    examine_word_for_word,
    learn_phrases,
    read_split,
)
from unisign.toy.nearest_neighbours import dtw_distances, pad_clips, vote
from unisign.toy.splits import SIZES, ClipPlan, plan_corpus


def plain_dtw(a: np.ndarray, b: np.ndarray) -> float:
    """Return the distance by the textbook recursion."""
    table = np.full((len(a) + 1, len(b) + 1), np.inf)
    table[0, 0] = 0
    for i, x in enumerate(a, 1):
        for j, y in enumerate(b, 1):
            table[i, j] = np.linalg.norm(x - y) + min(table[i - 1, j], table[i, j - 1], table[i - 1, j - 1])
    return table[-1, -1] / (len(a) + len(b))


def test_dtw() -> None:
    rng = np.random.default_rng(0)
    query = rng.normal(size=(5, 3)).astype(np.float32)
    clips = [rng.normal(size=(frames, 3)).astype(np.float32) for frames in (4, 7, 1)] + [np.repeat(query, 2, axis=0)]
    distances = dtw_distances(query, *pad_clips(clips))
    np.testing.assert_allclose(distances, [plain_dtw(query, clip) for clip in clips], atol=1e-4)
    assert distances[3] < 1e-3  # the same clip at half speed


def test_vote() -> None:
    labels = ['b', 'a', 'a', 'b', 'c', 'c', 'c']
    assert vote(np.array([0.0, 1, 2, 3, 4, 5, 6]), labels) == 'b'  # two a, two b among five: the nearest decides
    assert vote(np.array([9.0, 1, 2, 3, 9, 9, 9]), labels, neighbours=3) == 'a'


def test_learned_phrases() -> None:
    clips = [
        Clip({'gloss': ['TEA', 'COLD'], 'text': 'Iced tea please.'}),
        Clip({'gloss': ['TEA', 'HOT'], 'text': 'Warm tea please.'}),
        Clip({'gloss': ['MILK', 'COLD'], 'text': 'Iced milk please.'}),
    ]
    phrases = learn_phrases(clips, 'en')
    assert phrases['COLD'] == 'iced'
    assert phrases['MILK'] == 'iced milk please'


def test_findings_say_what_was_wanted() -> None:
    assert str(Finding('rarest sign', 76, 60, np.inf, 'times')) == 'ok   rarest sign: 76 times (wanted: at least 60)'
    assert str(Finding('5-NN', 91.5, 0, 85, '%')) == 'BAD  5-NN: 91.5 % (wanted: at most 85)'


def test_splits_and_words_of_the_tiny_corpus(toy_tiny: Path) -> None:
    findings = {finding.name: finding for finding in examine_splits(toy_tiny)}
    assert all(findings[f'{name} in two splits'].value == 0 for name in ('signers', 'sentences (as signs)'))
    assert not findings['training sentences'].good  # 24 of them
    assert all(finding.value < 30 for finding in examine_word_for_word(toy_tiny))
    with pytest.raises(DataError, match='no_such_split'):
        read_split(toy_tiny, 'no_such_split')


def test_mouth_pairs_need_the_mouth() -> None:
    from unisign.toy.clips import detected_poses, film

    def clips(split: str) -> list[Clip]:
        plans: list[ClipPlan] = [plan for plan in plan_corpus(SIZES['full'], 42) if plan.task == 'islr']
        pairs = ('TEACHER', 'FRIEND', 'BUY', 'SELL', 'TEA', 'MILK', 'NEW', 'OLD')
        chosen = [plan for plan in plans if plan.split == split and plan.glosses[0] in pairs][::4]
        return [
            Clip({'gloss': list(plan.glosses), 'signer': plan.signer.name}, detected_poses(plan, film(plan, 42), 42))
            for plan in chosen
        ]

    findings = {finding.name: finding.value for finding in examine_mouth_pairs(clips('train'), clips('test'))}
    assert findings['mouth pairs by the lips alone, nearest mean'] >= 90
    assert findings['mouth pairs without the face, 5-NN'] <= 75  # few clips: chance with its noise

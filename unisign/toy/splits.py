"""Which clips the toy corpus holds: who signs what, in which split, for each size."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unisign.toy.chinese import chinese_sentence
from unisign.toy.english import english_sentence
from unisign.toy.grammar import draw_meaning, glosses_of
from unisign.toy.lexicon import GLOSSES, SIGNS
from unisign.toy.signers import Signer, make_signers

LEFT_HANDED = {'train': (2, 6, 9), 'dev': (1,), 'test': (1,)}  # indices within the split
SIGNERS = {'train': 12, 'dev': 2, 'test': 3}
SPLITS = tuple(SIGNERS)


@dataclass(frozen=True)
class CorpusSize:
    """How much there is.

    Attributes:
        signs: how many signs of the lexicon have isolated clips (all sizes use the whole lexicon in sentences).
        isolated: isolated clips of each sign in train, dev, test.
        sentences: sentence clips in train (fine-tuning), dev, test.
        extra: further sentence clips that only pre-training reads.
        dictionary: further isolated clips of each sign that only pre-training reads, half of them with the English
            word, half with the Chinese one.
    """

    signs: int
    isolated: tuple[int, int, int]
    sentences: tuple[int, int, int]
    extra: int
    dictionary: int


SIZES = {
    'full': CorpusSize(len(GLOSSES), (24, 6, 9), (1800, 150, 252), 600, 36),
    'small': CorpusSize(len(GLOSSES), (12, 2, 3), (600, 60, 90), 200, 24),
    'tiny': CorpusSize(8, (3, 1, 1), (24, 6, 6), 8, 2),
}


@dataclass(frozen=True)
class ClipPlan:
    """One clip before it is made.

    Attributes:
        clip_id: its name, which with the seed decides all its randomness.
        split: ``train``, ``dev``, ``test`` or ``extra`` (pre-training only).
        task: ``islr``, or ``slt`` for a sentence (which serves cslr too).
        glosses: what is signed; text: the word or sentence; lang: ``en`` or ``zh``.
        signer: who signs.
    """

    clip_id: str
    split: str
    task: str
    glosses: tuple[str, ...]
    text: str
    lang: str
    signer: Signer


def corpus_signers(seed: int) -> dict[str, list[Signer]]:
    """Return the signers of train, dev and test; none signs in two of them."""
    starts = np.cumsum([0, *SIGNERS.values()])
    left_handed = [
        int(start) + index for start, split in zip(starts, SPLITS, strict=False) for index in LEFT_HANDED[split]
    ]
    signers = make_signers(sum(SIGNERS.values()), left_handed, seed)
    return {split: signers[start : start + SIGNERS[split]] for start, split in zip(starts, SPLITS, strict=False)}


def plan_corpus(size: CorpusSize, seed: int) -> list[ClipPlan]:
    """Return every clip of the corpus, isolated signs first."""
    signers = corpus_signers(seed)
    plans: list[ClipPlan] = []
    glosses = GLOSSES[: size.signs]
    for split, count in zip(SPLITS, size.isolated, strict=True):
        plans += _plan_isolated(split, count, glosses, signers[split])
    plans += _plan_isolated('extra', size.dictionary, glosses, signers['train'], langs=('en', 'zh'))
    return plans + _plan_sentences(size, signers, seed)


def _plan_isolated(
    split: str, count: int, glosses: Sequence[str], signers: Sequence[Signer], langs: Sequence[str] = ('en',)
) -> list[ClipPlan]:
    def lang(repeat: int) -> str:
        return langs[(repeat + repeat // len(signers)) % len(langs)]  # every signer signs for every language

    return [
        ClipPlan(
            clip_id=f'sign-{split}-{index * count + repeat:05d}',
            split=split,
            task='islr',
            glosses=(gloss,),
            text=SIGNS[gloss].english if lang(repeat) == 'en' else SIGNS[gloss].chinese,
            lang=lang(repeat),
            # the shift spreads a sign that has fewer clips than there are signers over all of them
            signer=signers[(repeat + index * count) % len(signers)],
        )
        for index, gloss in enumerate(glosses)
        for repeat in range(count)
    ]


def _plan_sentences(size: CorpusSize, signers: dict[str, list[Signer]], seed: int) -> list[ClipPlan]:
    """Return sentences that differ from each other in signs and in both languages, across all splits."""
    counts = {'test': size.sentences[2], 'dev': size.sentences[1], 'train': size.sentences[0], 'extra': size.extra}
    rng = np.random.default_rng([seed, 2])
    seen: set[tuple[str, ...] | str] = set()
    plans = []
    for split, count in counts.items():
        people = signers['train' if split == 'extra' else split]
        for index in range(count):
            meaning = draw_meaning(rng)
            english, chinese = english_sentence(meaning), chinese_sentence(meaning)
            while seen & {glosses_of(meaning), english, chinese}:
                meaning = draw_meaning(rng)
                english, chinese = english_sentence(meaning), chinese_sentence(meaning)
            seen |= {glosses_of(meaning), english, chinese}
            lang = ('en', 'zh')[(index + index // (2 * len(people))) % 2]  # every signer signs for both
            text = english if lang == 'en' else chinese
            clip_id = f'sentence-{split}-{index:05d}'
            plans.append(ClipPlan(clip_id, split, 'slt', glosses_of(meaning), text, lang, people[index % len(people)]))
    return plans

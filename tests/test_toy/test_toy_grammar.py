"""The toy grammar: hand-worked sentences, and that signs decide the translation."""

import numpy as np
import pytest

from unisign.toy.chinese import chinese_sentence
from unisign.toy.english import english_sentence
from unisign.toy.grammar import LONGEST, SHORTEST, Meaning, draw_meaning, glosses_of
from unisign.toy.lexicon import GLOSSES

EXAMPLES = [
    (
        Meaning('do', 'yesterday', 'teacher', 'buy', 'apple', 'RED'),
        'YESTERDAY APPLE RED TEACHER BUY',
        'The teacher bought a red apple yesterday.',
        '昨天老师买了一个红苹果。',
    ),
    (
        Meaning('do', 'tomorrow', 'mother', 'drink', 'tea', 'TWO', negated=True),
        'TOMORROW TEA TWO MOTHER DRINK NOT',
        'Mother will not drink the two cups of tea tomorrow.',
        '明天妈妈不会喝那两杯茶。',
    ),
    (
        Meaning('do', 'always', 'child', 'wash', 'dog', 'SMALL', 'want', negated=True),
        'DOG SMALL CHILD WASH WANT NOT',
        'The child refuses to wash the little dog.',
        '孩子不肯洗小狗。',
    ),
    (
        Meaning('do', 'always', 'parents', 'search', 'cat', '', 'finish', negated=True),
        'CAT MOTHER FATHER SEARCH FINISH NOT',
        'My parents have not looked for a cat yet.',
        '父母还没找猫。',
    ),
    (
        Meaning('do', 'now', 'i', 'watch', 'pets', asked=True),
        'NOW DOG CAT I WATCH QUESTION',
        'Am I watching the pets now?',
        '现在我正在看宠物吗？',
    ),
    (
        Meaning('do', 'last night', 'we', 'eat', 'cheese', '', 'can', negated=True),
        'YESTERDAY NIGHT MILK OLD WE EAT CAN NOT',
        'We could not eat the cheese last night.',
        '昨晚我们不能吃奶酪。',
    ),
    (
        Meaning('go', 'always', 'father', 'go', 'library', mood='finish', negated=True),
        'BOOK HOUSE FATHER GO FINISH NOT',
        'Father has never been to the library.',
        '爸爸没去过图书馆。',
    ),
    (
        Meaning('be', 'yesterday', 'friend', '', 'car', 'OLD', asked=True),
        'YESTERDAY FRIEND CAR OLD QUESTION',
        "Was my friend's car old yesterday?",
        '昨天朋友的车旧吗？',
    ),
    (
        Meaning('be', 'now', '', '', 'tea', 'COLD', negated=True),
        'NOW TEA COLD NOT',
        'The tea is not cold now.',
        '现在茶不凉。',
    ),
    (
        Meaning('who', 'yesterday', '', 'sell', 'book'),
        'YESTERDAY BOOK SELL WHO',
        'Who sold the book yesterday?',
        '昨天谁卖了书？',
    ),
    (
        Meaning('what', 'morning', 'you', 'draw', mood='want'),
        'MORNING YOU DRAW WANT WHAT',
        'What do you want to draw in the morning?',
        '早上你想画什么？',
    ),
    (
        Meaning('where', 'tomorrow night', 'child', 'go'),
        'TOMORROW NIGHT CHILD GO WHERE',
        'Where will the child go tomorrow night?',
        '明晚孩子会去哪里？',
    ),
    (
        Meaning('where', 'now', 'mother', 'buy', 'rice', 'COLD'),
        'NOW RICE COLD MOTHER BUY WHERE',
        'Where is mother buying some cold rice now?',
        '现在妈妈在哪里买一碗冷米饭？',
    ),
]


@pytest.mark.parametrize('meaning, glosses, english, chinese', EXAMPLES, ids=[example[1] for example in EXAMPLES])
def test_examples(meaning: Meaning, glosses: str, english: str, chinese: str) -> None:
    assert ' '.join(glosses_of(meaning)) == glosses
    assert english_sentence(meaning) == english
    assert chinese_sentence(meaning) == chinese


def test_signs_decide_the_translation() -> None:
    rng = np.random.default_rng(3)
    seen: dict[tuple[str, ...], tuple[str, str]] = {}
    for _ in range(3000):
        meaning = draw_meaning(rng)
        glosses = glosses_of(meaning)
        assert SHORTEST <= len(glosses) <= LONGEST
        texts = english_sentence(meaning), chinese_sentence(meaning)
        assert seen.setdefault(glosses, texts) == texts, glosses
    assert {gloss for glosses in seen for gloss in glosses} == set(GLOSSES)
    assert len({english for english, _ in seen.values()}) == len(seen)

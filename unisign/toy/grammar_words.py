"""What the toy grammar can talk about: times, people, things, places and actions, with their English and Chinese words.

Signs have no inflection, no articles and no measure words; the spoken languages do. Some concepts are written with two
signs whose words say something else (``BOOK HOUSE`` is a library): a reader who replaces sign by word gets them wrong.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Time:
    """When: its signs, its words, and the tense it gives the verb (present, past, future, now)."""

    glosses: tuple[str, ...]
    english: str
    chinese: str
    tense: str


@dataclass(frozen=True)
class Person:
    """Who: signs, words, possessive words, and the grammatical person (``1s``, ``2s``, ``3s``, ``1p``, ``3p``)."""

    glosses: tuple[str, ...]
    english: str
    chinese: str
    possessive: str
    person: str = '3s'


@dataclass(frozen=True)
class Thing:
    """What: signs and words.

    Attributes:
        glosses, chinese: its signs and its Chinese word.
        singular, plural: English; for a mass noun ``plural`` counts portions (``cups of tea``).
        measure: the Chinese measure word.
        mass: whether English cannot count it; ``fixed``: whether it is always ``the ..`` without adjective or number.
        adjectives: glosses of the adjectives that may follow it.
    """

    glosses: tuple[str, ...]
    singular: str
    plural: str
    chinese: str
    measure: str
    adjectives: tuple[str, ...] = ()
    mass: bool = False
    fixed: bool = False
    animal: bool = False
    owned: bool = False


@dataclass(frozen=True)
class Place:
    """Where somebody goes: signs and words."""

    glosses: tuple[str, ...]
    english: str
    chinese: str


@dataclass(frozen=True)
class Action:
    """A verb: its sign, its English forms, its Chinese word, what it is done to, and whether that takes ``a``."""

    gloss: str
    base: str
    third: str
    past: str
    participle: str
    progressive: str
    chinese: str
    objects: tuple[str, ...]
    indefinite: bool = False


TIMES = {
    'always': Time((), '', '', 'present'),
    'morning': Time(('MORNING',), 'in the morning', '早上', 'present'),
    'night': Time(('NIGHT',), 'at night', '晚上', 'present'),
    'now': Time(('NOW',), 'now', '现在', 'now'),
    'yesterday': Time(('YESTERDAY',), 'yesterday', '昨天', 'past'),
    'yesterday morning': Time(('YESTERDAY', 'MORNING'), 'yesterday morning', '昨天早上', 'past'),
    'last night': Time(('YESTERDAY', 'NIGHT'), 'last night', '昨晚', 'past'),
    'tomorrow': Time(('TOMORROW',), 'tomorrow', '明天', 'future'),
    'tomorrow morning': Time(('TOMORROW', 'MORNING'), 'tomorrow morning', '明天早上', 'future'),
    'tomorrow night': Time(('TOMORROW', 'NIGHT'), 'tomorrow night', '明晚', 'future'),
}

PEOPLE = {
    'i': Person(('I',), 'I', '我', 'my', '1s'),
    'you': Person(('YOU',), 'you', '你', 'your', '2s'),
    'we': Person(('WE',), 'we', '我们', 'our', '1p'),
    'teacher': Person(('TEACHER',), 'the teacher', '老师', "the teacher's"),
    'friend': Person(('FRIEND',), 'my friend', '朋友', "my friend's"),
    'mother': Person(('MOTHER',), 'mother', '妈妈', "mother's"),
    'father': Person(('FATHER',), 'father', '爸爸', "father's"),
    'child': Person(('CHILD',), 'the child', '孩子', "the child's"),
    'parents': Person(('MOTHER', 'FATHER'), 'my parents', '父母', "my parents'", '3p'),
}

_SIZES = ('BIG', 'SMALL')
_GOODS = ('RED', 'NEW', 'OLD', *_SIZES)
THINGS = {
    'apple': Thing(('APPLE',), 'apple', 'apples', '苹果', '个', ('RED', *_SIZES)),
    'rice': Thing(('RICE',), 'rice', 'bowls of rice', '米饭', '碗', ('COLD',), mass=True),
    'fish': Thing(('FISH',), 'fish', 'fish', '鱼', '条', ('RED', *_SIZES)),
    'tea': Thing(('TEA',), 'tea', 'cups of tea', '茶', '杯', ('COLD', 'RED'), mass=True),
    'milk': Thing(('MILK',), 'milk', 'glasses of milk', '牛奶', '杯', ('COLD',), mass=True),
    'water': Thing(('WATER',), 'water', 'glasses of water', '水', '杯', ('COLD',), mass=True),
    'book': Thing(('BOOK',), 'book', 'books', '书', '本', _GOODS, owned=True),
    'car': Thing(('CAR',), 'car', 'cars', '车', '辆', _GOODS, owned=True),
    'flower': Thing(('FLOWER',), 'flower', 'flowers', '花', '朵', ('RED', *_SIZES)),
    'dog': Thing(('DOG',), 'dog', 'dogs', '狗', '只', ('OLD', *_SIZES), animal=True, owned=True),
    'cat': Thing(('CAT',), 'cat', 'cats', '猫', '只', ('OLD', *_SIZES), animal=True, owned=True),
    'house': Thing(('HOUSE',), 'house', 'houses', '房子', '座', _GOODS, owned=True),
    'pets': Thing(('DOG', 'CAT'), 'pets', 'pets', '宠物', '只', fixed=True),
    'sea': Thing(('WATER', 'BIG'), 'sea', 'sea', '大海', '片', fixed=True),
    'cheese': Thing(('MILK', 'OLD'), 'cheese', 'cheese', '奶酪', '块', fixed=True),
}

PLACES = {
    'library': Place(('BOOK', 'HOUSE'), 'the library', '图书馆'),
    'restaurant': Place(('EAT', 'HOUSE'), 'the restaurant', '餐厅'),
    'shop': Place(('BUY', 'HOUSE'), 'the shop', '商店'),
    'cinema': Place(('WATCH', 'HOUSE'), 'the cinema', '电影院'),
    'gallery': Place(('DRAW', 'HOUSE'), 'the gallery', '美术馆'),
    'teahouse': Place(('TEA', 'HOUSE'), 'the teahouse', '茶馆'),
    'garage': Place(('CAR', 'HOUSE'), 'the garage', '车库'),
    'seaside': Place(('WATER', 'BIG'), 'the seaside', '海边'),
}

ACTIONS = {
    'eat': Action('EAT', 'eat', 'eats', 'ate', 'eaten', 'eating', '吃', ('apple', 'rice', 'fish', 'cheese')),
    'drink': Action('DRINK', 'drink', 'drinks', 'drank', 'drunk', 'drinking', '喝', ('tea', 'milk', 'water')),
    'buy': Action('BUY', 'buy', 'buys', 'bought', 'bought', 'buying', '买',
                  ('apple', 'rice', 'fish', 'tea', 'milk', 'book', 'car', 'flower', 'house', 'cheese'), True),
    'sell': Action('SELL', 'sell', 'sells', 'sold', 'sold', 'selling', '卖',
                   ('apple', 'rice', 'fish', 'tea', 'milk', 'book', 'car', 'flower', 'house')),
    'watch': Action('WATCH', 'watch', 'watches', 'watched', 'watched', 'watching', '看',
                    ('dog', 'cat', 'fish', 'flower', 'pets', 'sea')),
    'wash': Action('WASH', 'wash', 'washes', 'washed', 'washed', 'washing', '洗',
                   ('apple', 'rice', 'car', 'dog', 'cat', 'pets')),
    'search': Action('SEARCH', 'look for', 'looks for', 'looked for', 'looked for', 'looking for', '找',
                     ('book', 'dog', 'cat', 'water', 'car', 'flower'), True),
    'draw': Action('DRAW', 'draw', 'draws', 'drew', 'drawn', 'drawing', '画',
                   ('house', 'flower', 'dog', 'cat', 'fish', 'sea'), True),
}  # fmt: skip

GO = Action('GO', 'go to', 'goes to', 'went to', 'been to', 'going to', '去', ())

NUMBERS = {'TWO': ('two', '两'), 'THREE': ('three', '三')}

# English before a noun or after "is"; Chinese before a noun, and after 很 or 不.
ADJECTIVES = {
    'RED': ('red', '红', '红'),
    'BIG': ('big', '大', '大'),
    'SMALL': ('small', '小', '小'),
    'NEW': ('new', '新', '新'),
    'OLD': ('old', '旧', '旧'),
    'COLD': ('cold', '冰', '凉'),
}

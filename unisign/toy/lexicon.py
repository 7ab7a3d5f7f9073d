"""The signs of the toy language and their words.

Each sign is a bundle of the classical five parameters: handshape, orientation, location, movement, non-manual (mouth).
Groups of signs share all but one of them, so that a reader who ignores that one must guess:

* the mouth alone: TEACHER and FRIEND, BUY and SELL, TEA and MILK, NEW and OLD;
* the fingers alone: MOTHER, FATHER and WATER; APPLE and RED; TWO and THREE; NOW and CAN;
* the movement alone: YESTERDAY and TOMORROW, BIG and SMALL, WHO and WHERE;
* the location alone: APPLE and QUESTION.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sign:
    """One entry of the lexicon.

    Attributes:
        gloss: its name, upper case.
        english: the word under which isolated signs are labelled.
        chinese: the Chinese word.
        handshape, orientation, location, movement, mouth: names in ``phonology``.
        hands: ``one``; ``both`` (mirror images); ``alternating`` (both, half a beat apart); ``base`` (the other hand
            holds still under the dominant one).
        end_handshape: handshape at the end, where the hand opens or closes.
        base_handshape, base_orientation: the other hand's, for ``base``.
        headshake: whether the head is shaken.
    """

    gloss: str
    english: str
    chinese: str
    handshape: str
    orientation: str
    location: str
    movement: str
    mouth: str = 'neutral'
    hands: str = 'one'
    end_handshape: str | None = None
    base_handshape: str = 'flat'
    base_orientation: str = 'contra_up'
    headshake: bool = False


_SIGNS = (
    # time
    Sign('YESTERDAY', 'yesterday', '昨天', 'thumb', 'up_contra', 'cheek', 'back'),
    Sign('TOMORROW', 'tomorrow', '明天', 'thumb', 'up_contra', 'cheek', 'forward'),
    Sign('NOW', 'now', '现在', 'y', 'out_down', 'apart', 'down_short', hands='both'),
    Sign('MORNING', 'morning', '早上', 'flat', 'up_in', 'neutral', 'up', 'wide'),
    Sign('NIGHT', 'night', '晚上', 'bent', 'contra_down', 'base_hand', 'pat', 'round', 'base', base_handshape='fist',
         base_orientation='contra_down'),
    # people
    Sign('I', 'I', '我', 'index', 'self_in', 'chest', 'tap_self'),
    Sign('YOU', 'you', '你', 'index', 'out_down', 'neutral', 'poke'),
    Sign('WE', 'we', '我们', 'index', 'contra_down', 'chest', 'to_contra', 'wide'),
    Sign('TEACHER', 'teacher', '老师', 'ring', 'up_contra', 'high', 'poke', 'wide', 'both'),
    Sign('FRIEND', 'friend', '朋友', 'ring', 'up_contra', 'high', 'poke', 'round', 'both'),
    Sign('MOTHER', 'mother', '妈妈', 'index', 'head_in', 'chin', 'tap'),
    Sign('FATHER', 'father', '爸爸', 'five', 'head_in', 'chin', 'tap'),
    Sign('CHILD', 'child', '孩子', 'flat', 'out_down', 'low', 'pat'),
    # actions
    Sign('EAT', 'eat', '吃', 'round', 'head_in', 'mouth', 'scoop', 'open'),
    Sign('DRINK', 'drink', '喝', 'cee', 'contra_in', 'mouth', 'tip', 'round'),
    Sign('BUY', 'buy', '买', 'round', 'contra_up', 'base_hand', 'offer', 'wide', 'base'),
    Sign('SELL', 'sell', '卖', 'round', 'contra_up', 'base_hand', 'offer', 'open', 'base'),
    Sign('WATCH', 'watch', '看', 'v', 'up_out', 'eye', 'away'),
    Sign('WASH', 'wash', '洗', 'fist', 'contra_down', 'base_hand', 'circle_flat', 'pressed', 'base'),
    Sign('SEARCH', 'search', '找', 'cee', 'up_contra', 'eye', 'circle_front', 'round'),
    Sign('DRAW', 'draw', '画', 'pinky', 'contra_in', 'base_hand', 'zigzag', hands='base', base_orientation='up_in'),
    Sign('GO', 'go', '去', 'ell', 'contra_out', 'apart', 'away', hands='both'),
    # things
    Sign('APPLE', 'apple', '苹果', 'hook', 'head_down', 'cheek', 'twist'),
    Sign('RICE', 'rice', '米饭', 'u', 'contra_in', 'base_hand', 'scoop', 'open', 'base', base_handshape='cee'),
    Sign('FISH', 'fish', '鱼', 'flat', 'contra_in', 'neutral', 'swim'),
    Sign('TEA', 'tea', '茶', 'hook', 'contra_down', 'base_hand', 'circle_flat', 'wide', 'base', base_handshape='fist',
         base_orientation='contra_in'),
    Sign('MILK', 'milk', '牛奶', 'hook', 'contra_down', 'base_hand', 'circle_flat', 'round', 'base',
         base_handshape='fist', base_orientation='contra_in'),
    Sign('WATER', 'water', '水', 'w', 'head_in', 'chin', 'tap'),
    Sign('BOOK', 'book', '书', 'flat', 'out_contra', 'neutral', 'unfold', hands='both'),
    Sign('CAR', 'car', '车', 'fist', 'contra_in', 'neutral', 'steer', hands='alternating'),
    Sign('FLOWER', 'flower', '花', 'round', 'up_in', 'high', 'up', end_handshape='five'),
    Sign('DOG', 'dog', '狗', 'bent', 'up_out', 'temple', 'nod'),
    Sign('CAT', 'cat', '猫', 'claw', 'head_in', 'cheek', 'stroke', hands='both'),
    Sign('HOUSE', 'house', '房子', 'flat', 'up_contra', 'neutral', 'roof', hands='both'),
    # qualities
    Sign('RED', 'red', '红', 'pinky', 'head_down', 'cheek', 'twist'),
    Sign('BIG', 'big', '大', 'cee', 'out_contra', 'neutral', 'spread_out', 'open', 'both'),
    Sign('SMALL', 'small', '小', 'cee', 'out_contra', 'neutral', 'close_in', 'open', 'both'),
    Sign('NEW', 'new', '新', 'y', 'contra_in', 'shoulder', 'to_side', 'wide'),
    Sign('OLD', 'old', '旧', 'y', 'contra_in', 'shoulder', 'to_side', 'open'),
    Sign('COLD', 'cold', '冷', 'fist', 'up_contra', 'chest', 'shiver', 'wide', 'both'),
    # number, question, mood
    Sign('TWO', 'two', '二', 'v', 'up_out', 'high', 'hold'),
    Sign('THREE', 'three', '三', 'w', 'up_out', 'high', 'hold'),
    Sign('WHAT', 'what', '什么', 'five', 'out_up', 'side', 'shake', 'open', 'both'),
    Sign('WHO', 'who', '谁', 'index', 'up_out', 'high', 'up', 'round'),
    Sign('WHERE', 'where', '哪里', 'index', 'up_out', 'high', 'shake', 'round'),
    Sign('QUESTION', 'question', '吗', 'hook', 'head_down', 'side', 'twist'),
    Sign('NOT', 'not', '不', 'flat', 'up_out', 'side', 'shake', 'pressed', headshake=True),
    Sign('CAN', 'can', '能', 'fist', 'out_down', 'apart', 'down_short', hands='both'),
    Sign('WANT', 'want', '想', 'claw', 'out_up', 'neutral', 'pull', hands='both'),
    Sign('FINISH', 'finish', '完', 'five', 'up_in', 'side', 'turn_over', 'pressed', 'both'),
)  # fmt: skip

SIGNS: dict[str, Sign] = {sign.gloss: sign for sign in _SIGNS}
GLOSSES: tuple[str, ...] = tuple(SIGNS)

# Groups whose members differ in one parameter only (tests check that the table keeps this promise).
MOUTH_PAIRS = (('TEACHER', 'FRIEND'), ('BUY', 'SELL'), ('TEA', 'MILK'), ('NEW', 'OLD'))
HANDSHAPE_GROUPS = (('MOTHER', 'FATHER', 'WATER'), ('APPLE', 'RED'), ('TWO', 'THREE'), ('NOW', 'CAN'))
MOVEMENT_PAIRS = (('YESTERDAY', 'TOMORROW'), ('BIG', 'SMALL'), ('WHO', 'WHERE'))
LOCATION_PAIRS = (('APPLE', 'QUESTION'),)

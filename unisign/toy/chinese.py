"""Chinese sentences for the meanings of the toy grammar: aspect words, measure words, word order."""

from unisign.toy.grammar import Meaning
from unisign.toy.grammar_words import ACTIONS, ADJECTIVES, GO, NUMBERS, PEOPLE, PLACES, THINGS, TIMES

# (tense) -> what stands before the verb, what stands after it; plain and denied.
_PLAIN = {'present': ('', ''), 'past': ('', '了'), 'future': ('会', ''), 'now': ('正在', '')}
_DENIED = {'present': ('不', ''), 'past': ('没', ''), 'future': ('不会', ''), 'now': ('没在', '')}


def chinese_sentence(meaning: Meaning) -> str:
    """Return the one Chinese translation of ``meaning``."""
    time = TIMES[meaning.time].chinese
    body = _be_sentence(meaning) if meaning.frame == 'be' else _action_sentence(meaning)
    if meaning.asked:
        return f'{time}{body}吗？'
    return time + body + ('？' if meaning.frame in ('who', 'what', 'where') else '。')


def _be_sentence(meaning: Meaning) -> str:
    thing = THINGS[meaning.thing].chinese
    if meaning.subject:
        thing = f'{PEOPLE[meaning.subject].chinese}的{thing}'
    quality = _adjective(meaning, 2)
    if meaning.asked:
        return thing + quality
    return f'{thing}{"不" if meaning.negated else "很"}{quality}'


def _action_sentence(meaning: Meaning) -> str:
    action = GO if meaning.action == 'go' else ACTIONS[meaning.action]
    subject = '谁' if meaning.frame == 'who' else PEOPLE[meaning.subject].chinese
    before, after = _aspect(meaning)
    where = ''
    if meaning.frame == 'what':
        thing = '什么'
    elif meaning.action == 'go':
        thing = PLACES[meaning.thing].chinese if meaning.thing else '哪里'
    else:
        thing = _noun(meaning, action.indefinite and not meaning.negated)
        where = '在哪里' if meaning.frame == 'where' else ''
        if where and before == '正在':
            before = ''  # 正在 and 在哪里 do not go together
    return f'{subject}{before}{where}{action.chinese}{after}{thing}'


def _aspect(meaning: Meaning) -> tuple[str, str]:
    """Return what stands before and after the verb."""
    if meaning.mood == 'can':
        return ('不能' if meaning.negated else '能'), ''
    if meaning.mood == 'want':
        return ('不肯' if meaning.negated else '想'), ''
    if meaning.mood == 'finish':
        if meaning.action == 'go':
            return ('没' if meaning.negated else ''), '过'
        return ('还没', '') if meaning.negated else ('已经', '了')
    return (_DENIED if meaning.negated else _PLAIN)[TIMES[meaning.time].tense]


def _noun(meaning: Meaning, indefinite: bool) -> str:
    """Return the noun with its adjective, number and measure word."""
    thing = THINGS[meaning.thing]
    if thing.fixed:
        return thing.chinese
    if meaning.modifier in NUMBERS:
        return f'{"" if indefinite else "那"}{NUMBERS[meaning.modifier][1]}{thing.measure}{thing.chinese}'
    count = f'一{thing.measure}' if indefinite else ''
    return count + (_adjective(meaning, 1) if meaning.modifier else '') + thing.chinese


def _adjective(meaning: Meaning, form: int) -> str:
    if meaning.modifier == 'OLD' and THINGS[meaning.thing].animal:
        return '老'
    if meaning.thing == 'rice' and meaning.modifier == 'COLD':
        return '冷' if form == 1 else '凉'
    return ADJECTIVES[meaning.modifier][form]

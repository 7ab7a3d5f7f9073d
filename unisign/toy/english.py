"""English sentences for the meanings of the toy grammar: inflection, articles, do-support, word order."""

from unisign.toy.grammar import Meaning
from unisign.toy.grammar_words import ACTIONS, ADJECTIVES, GO, NUMBERS, PEOPLE, PLACES, THINGS, TIMES, Action

_BE_PRESENT = {'1s': 'am', '3s': 'is'}
_BE_PAST = {'1s': 'was', '3s': 'was'}


def english_sentence(meaning: Meaning) -> str:
    """Return the one English translation of ``meaning``."""
    words = _be_sentence(meaning) if meaning.frame == 'be' else _action_sentence(meaning)
    words.append(TIMES[meaning.time].english)
    sentence = ' '.join(word for word in words if word)
    asked = meaning.asked or meaning.frame in ('who', 'what', 'where')
    return sentence[0].upper() + sentence[1:] + ('?' if asked else '.')


def _be_sentence(meaning: Meaning) -> list[str]:
    subject = _noun(meaning, '', indefinite=False)
    be = 'was' if TIMES[meaning.time].tense == 'past' else 'is'
    quality = _adjective(meaning)
    if meaning.asked:
        return [be, subject, quality]
    return [subject, be, 'not' if meaning.negated else '', quality]


def _action_sentence(meaning: Meaning) -> list[str]:
    action = GO if meaning.action == 'go' else ACTIONS[meaning.action]
    inverted = meaning.asked or meaning.frame in ('what', 'where')
    person = PEOPLE[meaning.subject].person if meaning.subject else '3s'
    auxiliary, middle, verb, tail = _verb_group(action, meaning, person, inverted)
    subject = 'who' if meaning.frame == 'who' else PEOPLE[meaning.subject].english
    question_word = meaning.frame if meaning.frame in ('what', 'where') else ''
    if meaning.action == 'go':
        thing = PLACES[meaning.thing].english if meaning.thing else ''
        verb = verb if thing else verb.removesuffix(' to')
    else:
        thing = _noun(meaning, meaning.modifier, action.indefinite) if meaning.thing else ''
    order = [auxiliary, subject, middle] if inverted else [subject, auxiliary, middle]
    return [question_word, *order, verb, thing, tail]


def _verb_group(action: Action, meaning: Meaning, person: str, inverted: bool) -> tuple[str, str, str, str]:
    """Return (auxiliary, what stands between auxiliary and verb, verb, what stands after the object)."""
    tense, negated = TIMES[meaning.time].tense, meaning.negated
    third = person == '3s'
    if meaning.mood == 'finish':
        return _perfect(action, 'has' if third else 'have', negated)
    negation = 'not' if negated else ''
    if meaning.mood == 'can':
        if tense == 'future':
            return 'will', negation, f'be able to {action.base}', ''
        auxiliary = 'could' if tense == 'past' else 'can'
        return (auxiliary + ' not' if negated else auxiliary), '', action.base, ''
    base, simple_third, past = action.base, action.third, action.past
    if meaning.mood == 'want':
        # WANT NOT has a verb of its own
        stem, ending = ('refuse', 'd') if negated else ('want', 'ed')
        base, simple_third, past = (f'{form} to {action.base}' for form in (stem, f'{stem}s', f'{stem}{ending}'))
        negated, negation, tense = False, '', 'present' if tense == 'now' else tense
    if tense == 'future':
        return 'will', negation, base, ''
    if tense == 'now':
        return _BE_PRESENT.get(person, 'are'), negation, action.progressive, ''
    if negated or inverted:
        return ('did' if tense == 'past' else 'does' if third else 'do'), negation, base, ''
    return '', '', past if tense == 'past' else simple_third if third else base, ''


def _perfect(action: Action, have: str, negated: bool) -> tuple[str, str, str, str]:
    if action is GO:
        return have, 'never' if negated else '', action.participle, ''
    return have, 'not' if negated else 'already', action.participle, 'yet' if negated else ''


def _noun(meaning: Meaning, modifier: str, indefinite: bool) -> str:
    """Return the noun with its article, owner, adjective or number."""
    thing = THINGS[meaning.thing]
    if meaning.frame == 'be' and meaning.subject:
        return f'{PEOPLE[meaning.subject].possessive} {thing.singular}'
    if thing.fixed:
        return f'the {thing.singular}'
    if (meaning.thing, modifier) == ('tea', 'RED'):
        words = 'black tea'
    elif modifier in NUMBERS:
        words = f'{NUMBERS[modifier][0]} {thing.plural}'
        return words if indefinite else f'the {words}'
    else:
        words = f'{_adjective(meaning)} {thing.singular}' if modifier else thing.singular
    if not indefinite:
        return f'the {words}'
    if thing.mass:
        return f'some {words}'
    return f'an {words}' if words[0] in 'aeiou' else f'a {words}'


def _adjective(meaning: Meaning) -> str:
    if meaning.modifier == 'SMALL' and THINGS[meaning.thing].animal:
        return 'little'
    return ADJECTIVES[meaning.modifier][0]

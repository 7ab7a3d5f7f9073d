"""The texts of windows that overlap, as one text: what a window repeats of the one before is left out.

Two windows share a second of signing, so the words for it may stand at the end of one text and at the beginning of the
next. The longest row of words that ends the one and begins the other, exactly but for case and punctuation, is taken to
be that second. If there is none, both texts stay whole: rather a word twice than one lost.
"""

import re

_WIDE = r'\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff'  # kana and Chinese characters: a word each
_WORDS = re.compile(rf'[{_WIDE}]|[^\W{_WIDE}]+(?:[\'’-][^\W{_WIDE}]+)*')


def without_repeated(before: str, after: str) -> str:
    """Return ``after`` without the words that ``before`` ends with; '' if it has no others.

    Args:
        before: text of the window before, whole.
        after: text of the window that begins inside it.
    """
    ended = [match[0].casefold() for match in _WORDS.finditer(before)]
    matches = list(_WORDS.finditer(after))
    begun = [match[0].casefold() for match in matches]
    for count in range(min(len(ended), len(begun)), 0, -1):
        if ended[-count:] == begun[:count]:
            return '' if count == len(matches) else after[matches[count].start() :]
    return after

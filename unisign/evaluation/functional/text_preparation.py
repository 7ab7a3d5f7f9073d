"""How texts are brought into the form that translation scores read (spec.md, section 6)."""

# Languages written without spaces between words, scored character by character.
CHARACTER_LANGUAGES = frozenset({'zh'})

# The published references of Chinese sets were scored with these two in ASCII, the hypotheses as they come.
_REFERENCE_PUNCTUATION = str.maketrans({'，': ',', '？': '?'})
_NO_SPACES = str.maketrans({' ': None, '\n': None})


def is_character_language(lang: str) -> bool:
    """Tell whether ``lang`` (``zh``, also ``zh-CN`` or ``zh_TW``) is scored character by character."""
    return lang.lower().replace('_', '-').split('-')[0] in CHARACTER_LANGUAGES


def prepare_reference(text: str, lang: str) -> str:
    """Return a reference as it is scored: Chinese without its spaces, with ASCII ``,`` and ``?``, spaced characters."""
    return _spaced(text.translate(_REFERENCE_PUNCTUATION)) if is_character_language(lang) else text


def prepare_hypothesis(text: str, lang: str) -> str:
    """Return a hypothesis as it is scored: as a reference, but its punctuation stays as it was written."""
    return _spaced(text) if is_character_language(lang) else text


def _spaced(text: str) -> str:
    return ' '.join(text.translate(_NO_SPACES))

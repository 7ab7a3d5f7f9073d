"""Language codes and the English names that the prompt calls them by."""

from unisign.structures import DataError

# ISO 639-1 codes of written languages that sign-language data sets are translated into.
LANGUAGE_NAMES: dict[str, str] = {
    'ar': 'Arabic',
    'bg': 'Bulgarian',
    'bn': 'Bengali',
    'cs': 'Czech',
    'da': 'Danish',
    'de': 'German',
    'el': 'Greek',
    'en': 'English',
    'es': 'Spanish',
    'et': 'Estonian',
    'fa': 'Persian',
    'fi': 'Finnish',
    'fr': 'French',
    'he': 'Hebrew',
    'hi': 'Hindi',
    'hr': 'Croatian',
    'hu': 'Hungarian',
    'id': 'Indonesian',
    'it': 'Italian',
    'ja': 'Japanese',
    'kk': 'Kazakh',
    'ko': 'Korean',
    'lt': 'Lithuanian',
    'lv': 'Latvian',
    'ms': 'Malay',
    'nl': 'Dutch',
    'no': 'Norwegian',
    'pl': 'Polish',
    'pt': 'Portuguese',
    'ro': 'Romanian',
    'ru': 'Russian',
    'sk': 'Slovak',
    'sl': 'Slovenian',
    'sv': 'Swedish',
    'th': 'Thai',
    'tr': 'Turkish',
    'uk': 'Ukrainian',
    'ur': 'Urdu',
    'vi': 'Vietnamese',
    'zh': 'Chinese',
}
DEFAULT_PROMPT = 'Translate sign language video to {language}: '


def language_name(code: str) -> str:
    """Return the English name of a language.

    Args:
        code: ISO 639-1 code, such as ``en`` or ``zh``.

    Raises:
        DataError: for a code that is not in ``LANGUAGE_NAMES``.
    """
    try:
        return LANGUAGE_NAMES[code]
    except KeyError:
        raise DataError(
            f'language {code!r}',
            f'unknown language code; known: {", ".join(LANGUAGE_NAMES)}.',
            'Correct "lang" in the annotation or the config, or add the code to unisign.models.language_models.'
            'LANGUAGE_NAMES.',
        ) from None

"""Plain scoring functions: lists of strings in, a dict of numbers out; no Runner needed."""

from unisign.evaluation.functional.alignment import ErrorCounts, count_errors
from unisign.evaluation.functional.cslr import score_cslr
from unisign.evaluation.functional.islr import score_islr
from unisign.evaluation.functional.slt import bleu, chrf, rouge_l, score_slt
from unisign.evaluation.functional.text_preparation import (
    CHARACTER_LANGUAGES,
    is_character_language,
    prepare_hypothesis,
    prepare_reference,
)

__all__ = [
    'CHARACTER_LANGUAGES',
    'ErrorCounts',
    'bleu',
    'chrf',
    'count_errors',
    'is_character_language',
    'prepare_hypothesis',
    'prepare_reference',
    'rouge_l',
    'score_cslr',
    'score_islr',
    'score_slt',
]

"""Plain scoring functions: lists of strings in, a dict of numbers out; no Runner needed."""

from unisign.evaluation.functional.alignment import ErrorCounts, Step, align, count_errors, count_steps
from unisign.evaluation.functional.cslr import align_jiwer, score_cslr
from unisign.evaluation.functional.islr import score_islr
from unisign.evaluation.functional.slt import (
    bleu,
    bleu_of_counts,
    chrf,
    rouge_l,
    score_slt,
    sentence_bleus,
    sentence_rouge_l,
)
from unisign.evaluation.functional.text_preparation import (
    CHARACTER_LANGUAGES,
    is_character_language,
    prepare_hypothesis,
    prepare_reference,
)

__all__ = [
    'CHARACTER_LANGUAGES',
    'ErrorCounts',
    'Step',
    'align',
    'align_jiwer',
    'bleu',
    'bleu_of_counts',
    'chrf',
    'count_errors',
    'count_steps',
    'is_character_language',
    'prepare_hypothesis',
    'prepare_reference',
    'rouge_l',
    'score_cslr',
    'score_islr',
    'score_slt',
    'sentence_bleus',
    'sentence_rouge_l',
]

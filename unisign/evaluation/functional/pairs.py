"""Checks that every score makes before it counts anything."""

from collections.abc import Sequence

from unisign.structures import DataError


def check_pairs(references: Sequence[str], hypotheses: Sequence[str]) -> None:
    """Check that there is something to score and that each hypothesis has its reference.

    Args:
        references: what should have been written, one entry per clip.
        hypotheses: what was written, in the same order; '' where nothing was.

    Raises:
        DataError: for an empty set, unequal lengths, or an entry that is not a string.
    """
    if isinstance(references, str) or isinstance(hypotheses, str):
        raise DataError('scores', 'expected lists of strings, got one string.', 'Put a single pair into lists.')
    if len(references) != len(hypotheses):
        raise DataError(
            'scores',
            f'{len(references)} references but {len(hypotheses)} hypotheses.',
            'Give one hypothesis per reference, an empty string where nothing was predicted.',
        )
    if not references:
        raise DataError('scores', 'the set is empty, no score is defined.', 'Check the annotation file and the task.')
    for name, texts in (('reference', references), ('hypothesis', hypotheses)):
        for index, text in enumerate(texts):
            if not isinstance(text, str):
                raise DataError('scores', f'{name} {index} is {text!r}, expected a string.', "Use '' for no text.")

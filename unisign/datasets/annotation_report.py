"""The check of annotations as text."""

from collections.abc import Sequence

import numpy as np

from unisign.datasets.annotation_check import Overlap, SplitCheck


def describe_check(checks: Sequence[SplitCheck], overlaps: Sequence[Overlap], examples: int = 5) -> str:
    """Return the report as text: numbers of each file, problems with ``examples`` clip ids each, overlaps."""
    lines = []
    for check in checks:
        signers = len(check.signers) or 'unknown'
        lines.append(f'{check.path}: {check.clips} clips, {len(check.texts)} different texts, signers: {signers}')
        unknown = check.clips - len(check.frames)
        lines.append(f'  frames a clip: {_spread(check.frames)}' + (f'; not known for {unknown}' if unknown else ''))
        lines.append(f'  words a text: {_spread(check.text_lengths)}; different: {len(check.words)}')
        if check.glosses:
            lines.append(f'  glosses a clip: {_spread(check.gloss_lengths)}; different: {len(check.glosses)}')
        if check is not checks[0]:
            new = len(check.words - checks[0].words), len(check.glosses - checks[0].glosses)
            lines.append(f'  not in {checks[0].path.name}: {new[0]} words, {new[1]} glosses')
        for kind, ids in check.problems.items():
            more = ', ..' if len(ids) > examples else ''
            lines.append(f'  {kind}: {len(ids)} ({", ".join(ids[:examples])}{more})')
    for shared in overlaps:
        more = ', ..' if len(shared.values) > examples else ''
        lines.append(
            f'{shared.first} and {shared.second} share {len(shared.values)} {shared.what}: {shared.clips} clips '
            f'of the second ({"; ".join(shared.values[:examples])}{more})'
        )
    return '\n'.join(lines)


def _spread(numbers: Sequence[int]) -> str:
    if not numbers:
        return 'none known'
    return f'{min(numbers)} to {max(numbers)}, median {np.median(numbers):g}, mean {np.mean(numbers):.1f}'

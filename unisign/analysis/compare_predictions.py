"""Two systems on the same clips: scores side by side, chance or not, and the clips that changed most."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from unisign.analysis.paired_clips import read_pair
from unisign.analysis.paired_statistics import MAIN_SCORES, PairedStatistics, paired_statistics
from unisign.analysis.report_files import cut, shown, write_json
from unisign.analysis.significance import Comparison, compare
from unisign.analysis.text_table import format_table
from unisign.evaluation import Prediction
from unisign.structures import DataError

_FEW = 50  # clips, below which intervals are rough


@dataclass(frozen=True)
class Change:
    """One clip that the two systems answer differently well.

    Attributes:
        first: prediction of the first system.
        second: prediction of the second.
        gain: how much better the second one is, by the task's first score: percent right, errors per 100 glosses,
            sentence BLEU. Positive is better, also where a low score is.
    """

    first: Prediction
    second: Prediction
    gain: float


@dataclass(frozen=True)
class ComparisonReport:
    """Two systems.

    Attributes:
        task: ``islr``, ``cslr`` or ``slt``.
        names: the two files.
        clips: number of clips.
        scores: one comparison for each score.
        changes: clips with a gain or a loss, the largest first, then in the order of their ids.
        resamples: of the tests.
        seed: of the tests.
    """

    task: str
    names: tuple[str, str]
    clips: int
    scores: tuple[Comparison, ...]
    changes: tuple[Change, ...]
    resamples: int
    seed: int


def compare_predictions(
    first: str | Path,
    second: str | Path,
    task: str | None = None,
    lang: str | None = None,
    scores: Sequence[str] = (),
    resamples: int = 1000,
    seed: int = 12345,
) -> ComparisonReport:
    """Return the comparison of two predictions files.

    Args:
        first: predictions of system A.
        second: predictions of system B.
        task: whose predictions; None: the task that the files name.
        lang: language of all texts; None: that of each prediction.
        scores: which; empty: the main ones of the task.
        resamples: of both tests.
        seed: of both tests.

    Raises:
        DataError: for files that cannot be used or compared (see ``read_pair``), or an unknown score.
    """
    task, mine, others = read_pair(first, second, task)
    unknown = [name for name in scores if name not in MAIN_SCORES[task]]
    if unknown:
        raise DataError(
            f'--scores {unknown[0]}', f'is no score of task {task!r}.', f'There are: {", ".join(MAIN_SCORES[task])}.'
        )
    if resamples < 1:
        raise DataError('--resamples', f'should be 1 or more, got {resamples}.', 'The usual number is 1000.')
    try:
        statistics = paired_statistics(task, mine, others, scores, lang)
    except DataError as error:
        raise DataError(first, f'{error.source}: {error.problem}', error.advice) from error
    return ComparisonReport(
        task, (str(first), str(second)), len(mine),
        tuple(compare(one, resamples, seed) for one in statistics),
        _changes(mine, others, statistics[0]), resamples, seed,
    )  # fmt: skip


def _changes(
    first: Sequence[Prediction], second: Sequence[Prediction], statistics: PairedStatistics
) -> tuple[Change, ...]:
    sign = 1 if statistics.higher_is_better else -1
    gains = sign * (statistics.clip_scores[1] - statistics.clip_scores[0])
    changed = [Change(first[place], second[place], float(gains[place])) for place in np.flatnonzero(gains)]
    return tuple(sorted(changed, key=lambda one: (-abs(one.gain), one.first.key)))


def describe_comparison(report: ComparisonReport, rows: int = 8, width: int = 34) -> str:
    """Return the comparison as text for a terminal.

    Args:
        report: what to describe.
        rows: at most so many clips that B answers better, and so many that it answers worse.
        width: columns of a text before it is cut.
    """
    table = format_table(
        ('score', 'A', 'B', 'B - A', '95 % interval', 'p bootstrap', 'p swapping', 'B better in'),
        [_cells(one) for one in report.scores],
    )
    sections = [
        f'A: {report.names[0]}\nB: {report.names[1]}\n{report.clips} clips, task {report.task}',
        f'{table}\n{report.resamples} resamples, seed {report.seed}. p: how often chance makes such a difference.',
    ]
    if report.clips < _FEW:
        sections.append(f'Only {report.clips} clips: take intervals and p for rough.')
    better = [one for one in report.changes if one.gain > 0]
    worse = [one for one in report.changes if one.gain < 0]
    same = report.clips - len(report.changes)
    sections.append(f'Clip by clip ({report.scores[0].name}): B better {len(better)}, worse {len(worse)}, same {same}.')
    for title, changes in (('better', better), ('worse', worse)):
        if changes and rows:
            sections.append(f'B is {title}{cut(changes, rows)}:\n{_change_table(changes[:rows], width)}')
    return '\n\n'.join(sections)


def _cells(one: Comparison) -> tuple[str, ...]:
    name = one.name if one.higher_is_better else f'{one.name} (lower is better)'
    numbers = f'{one.a:.2f}', f'{one.b:.2f}', f'{one.difference:+.2f}', f'{one.low:+.2f} to {one.high:+.2f}'
    return name, *numbers, f'{one.p_bootstrap:.3f}', f'{one.p_randomisation:.3f}', f'{100 * one.b_better:.1f} %'


def _change_table(changes: Sequence[Change], width: int) -> str:
    rows = [
        (f'{one.gain:+.1f}', one.first.id, one.first.ref, shown(one.first.pred), shown(one.second.pred))
        for one in changes
    ]
    return format_table(('gain', 'clip', 'reference', 'A', 'B'), rows, widest=width)


def write_comparison(report: ComparisonReport, path: str | Path) -> Path:
    """Write the comparison as JSON, with all clips that changed, and return the file.

    Raises:
        DataError: if it cannot be written.
    """
    path = Path(path)
    content = {
        'task': report.task,
        'a': report.names[0],
        'b': report.names[1],
        'clips': report.clips,
        'resamples': report.resamples,
        'seed': report.seed,
        'scores': [asdict(one) | {'difference': one.difference} for one in report.scores],
        'changes': [
            {'id': one.first.id, 'gain': one.gain, 'ref': one.first.ref, 'a': one.first.pred, 'b': one.second.pred}
            for one in report.changes
        ],
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, content)
    except OSError as error:
        raise DataError(path, f'cannot be written ({error.strerror}).', 'Choose another --out.') from error
    return path

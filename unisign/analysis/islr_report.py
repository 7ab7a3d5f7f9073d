"""Isolated recognition, class by class: how often each is right, and what it is taken for."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from unisign.analysis.report_files import check_references, cut, make_folder, shown, write_json, write_table
from unisign.analysis.text_table import format_table
from unisign.evaluation import Prediction
from unisign.evaluation.metrics import score_islr_predictions

_CANDIDATES = 5


class Confusion(NamedTuple):
    """One wrong answer.

    Attributes:
        reference: the class.
        answer: what was predicted in its place; '' for nothing.
        clips: how many of the class were answered so.
    """

    reference: str
    answer: str
    clips: int


@dataclass(frozen=True)
class ClassResult:
    """One class of the references.

    Attributes:
        label: its text.
        count: clips of it.
        correct: clips of it that were answered right.
        top5: clips of it that have it among their first five candidates; None without n-best lists.
        answered: clips of any class that were answered with it.
        confused_with: its most frequent wrong answer; None if all are right.
    """

    label: str
    count: int
    correct: int
    top5: int | None
    answered: int
    confused_with: Confusion | None

    @property
    def accuracy(self) -> float:
        """Share of its clips that were answered right, in percent."""
        return 100 * self.correct / self.count


@dataclass(frozen=True)
class IslrReport:
    """Isolated recognition of a set.

    Attributes:
        scores: of the whole set, as ``ISLRMetric`` gives them.
        clips: number of clips.
        classes: the classes of the references, the worst first, then the more frequent, then by their names.
        confusions: all wrong answers, the most frequent first, then by the names.
    """

    scores: dict[str, float]
    clips: int
    classes: tuple[ClassResult, ...]
    confusions: tuple[Confusion, ...]


def report_islr(clips: Sequence[Prediction], source: str | Path = 'predictions') -> IslrReport:
    """Return the report of the predictions of isolated recognition.

    Args:
        clips: one prediction per clip.
        source: the file they came from, for errors.

    Raises:
        DataError: if a clip has no reference.
    """
    check_references(source, clips)
    pairs = Counter((clip.ref, clip.pred) for clip in clips)
    confusions = sorted(
        (Confusion(reference, answer, count) for (reference, answer), count in pairs.items() if reference != answer),
        key=lambda one: (-one.clips, one.reference, one.answer),
    )
    counts, answered = Counter(clip.ref for clip in clips), Counter(clip.pred for clip in clips)
    worst: dict[str, Confusion] = {}
    for confusion in confusions:
        worst.setdefault(confusion.reference, confusion)
    top5 = _top5(clips)
    classes = [
        ClassResult(
            label, count, pairs[label, label], top5[label] if top5 is not None else None, answered[label],
            worst.get(label),
        )
        for label, count in counts.items()
    ]  # fmt: skip
    classes.sort(key=lambda one: (one.accuracy, -one.count, one.label))
    return IslrReport(score_islr_predictions(list(clips)), len(clips), tuple(classes), tuple(confusions))


def _top5(clips: Sequence[Prediction]) -> dict[str, int] | None:
    """Return by class how many clips have it among their candidates; None where no clip has candidates."""
    if not any(clip.nbest for clip in clips):
        return None
    hits: dict[str, int] = defaultdict(int)
    for clip in clips:
        candidates = [text for text, _ in clip.nbest[:_CANDIDATES]] or [clip.pred]
        hits[clip.ref] += clip.ref in candidates
    return hits


def describe_islr(report: IslrReport, rows: int = 20) -> str:
    """Return the report as text for a terminal.

    Args:
        report: what to describe.
        rows: at most so many classes and so many confusions.
    """
    scores = '   '.join(f'{name} {value:.2f}' for name, value in report.scores.items())
    sections = [f'{report.clips} clips, {len(report.classes)} classes   {scores}']
    imperfect = [one for one in report.classes if one.correct < one.count]
    perfect = len(report.classes) - len(imperfect)
    if imperfect:
        cells = [_class_cells(one) for one in imperfect[:rows]]
        table = format_table(_HEADER, cells, widest=32)
        sections.append(f'Classes, the worst first{cut(imperfect, rows)}:\n{table}')
    sections.append(f'Without a mistake: {perfect} classes.')
    if report.confusions:
        confused = [(str(one.clips), one.reference, shown(one.answer)) for one in report.confusions[:rows]]
        table = format_table(('clips', 'reference', 'answer'), confused, widest=32)
        sections.append(f'Confusions{cut(report.confusions, rows)}:\n{table}')
    return '\n\n'.join(sections)


_HEADER = ('class', 'clips', 'right', 'accuracy', 'top-5', 'answered', 'most often taken for')


def _class_cells(one: ClassResult) -> tuple[str, ...]:
    top5 = '' if one.top5 is None else f'{100 * one.top5 / one.count:.1f}'
    confused = f'{shown(one.confused_with.answer)} ({one.confused_with.clips})' if one.confused_with else ''
    return one.label, str(one.count), str(one.correct), f'{one.accuracy:.1f}', top5, str(one.answered), confused


def write_islr(report: IslrReport, folder: str | Path) -> list[Path]:
    """Write ``classes.csv``, ``confusions.csv`` and ``report.json`` and return them.

    Raises:
        DataError: if the folder cannot be made.
    """
    folder = make_folder(folder)
    header = ('class', 'count', 'correct', 'accuracy', 'top5_correct', 'answered', 'confused_with', 'confused_count')
    rows = []
    for one in report.classes:
        wrong = (one.confused_with.answer, one.confused_with.clips) if one.confused_with else ('', 0)
        top5 = '' if one.top5 is None else one.top5
        rows.append((one.label, one.count, one.correct, one.accuracy, top5, one.answered, *wrong))
    write_table(folder / 'classes.csv', header, rows)
    write_table(folder / 'confusions.csv', Confusion._fields, report.confusions)
    content = {
        'scores': report.scores,
        'clips': report.clips,
        'classes': [dict(zip(header, row, strict=True)) for row in rows],
        'confusions': [one._asdict() for one in report.confusions],
    }
    write_json(folder / 'report.json', content)
    return [folder / name for name in ('classes.csv', 'confusions.csv', 'report.json')]

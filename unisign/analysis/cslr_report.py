"""Continuous recognition, word by word: reference and answer aligned, and which glosses go wrong how."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from unisign.analysis.aligned_text import aligned_lines
from unisign.analysis.report_files import check_references, cut, make_folder, write_json, write_table
from unisign.analysis.text_table import format_table
from unisign.evaluation import Prediction
from unisign.evaluation.functional import ErrorCounts, Step, align, align_jiwer, count_steps
from unisign.evaluation.metrics import score_cslr_predictions

# Which alignment errors are counted by, and the score that it gives.
ALIGNMENTS = {'jiwer': 'wer_jiwer', 'published': 'wer'}


@dataclass(frozen=True)
class AlignedClip:
    """One clip.

    Attributes:
        clip: its prediction.
        steps: the alignment.
        errors: how often each kind of error occurs in it.
    """

    clip: Prediction
    steps: tuple[Step, ...]
    errors: ErrorCounts

    @property
    def error_rate(self) -> float:
        """Errors per reference gloss, in percent; infinite if there are errors but no reference gloss."""
        words, errors = sum(step.reference is not None for step in self.steps), sum(self.errors)
        return 100 * errors / words if words else (float('inf') if errors else 0.0)


@dataclass(frozen=True)
class GlossResult:
    """One gloss.

    Attributes:
        gloss: its text.
        count: how often it is in the references.
        correct: how often it was found there.
        substituted: how often something else was written for it.
        deleted: how often it was left out.
        inserted: how often it was written where nothing belongs.
        instead: how often it was written for something else.
    """

    gloss: str
    count: int
    correct: int
    substituted: int
    deleted: int
    inserted: int
    instead: int


@dataclass(frozen=True)
class CslrReport:
    """Continuous recognition of a set.

    Attributes:
        alignment: ``jiwer`` or ``published``.
        scores: of the whole set by both alignments, as ``CSLRMetric`` gives them.
        clips: the clips, the one with the most errors first, then in the order of their ids.
        glosses: the glosses of references and answers, those with the most errors first.
        substitutions: reference and answer, with how often; the most frequent first.
    """

    alignment: str
    scores: dict[str, float]
    clips: tuple[AlignedClip, ...]
    glosses: tuple[GlossResult, ...]
    substitutions: tuple[tuple[str, str, int], ...]

    @property
    def errors(self) -> ErrorCounts:
        """How often each kind of error occurs in the set."""
        return ErrorCounts(*map(sum, zip(*(one.errors for one in self.clips), strict=True)))


def report_cslr(
    clips: Sequence[Prediction], alignment: str = 'jiwer', source: str | Path = 'predictions'
) -> CslrReport:
    """Return the report of the predictions of continuous recognition.

    Args:
        clips: one prediction per clip, glosses separated by spaces.
        alignment: ``jiwer``, the fewest errors; ``published``, the costs 3/3/4 behind published results.
        source: the file they came from, for errors.

    Raises:
        DataError: if no clip has a reference.
    """
    check_references(source, clips, each=False)
    scores = score_cslr_predictions(list(clips))
    pairs = [clip.ref.split() for clip in clips], [clip.pred.split() for clip in clips]
    steps = align_jiwer(*pairs) if alignment == 'jiwer' else [align(*pair) for pair in zip(*pairs, strict=True)]
    aligned = [AlignedClip(clip, tuple(own), count_steps(own)) for clip, own in zip(clips, steps, strict=True)]
    aligned.sort(key=lambda one: (-sum(one.errors), one.clip.key))
    counted = Counter((step.kind, step.reference, step.hypothesis) for own in steps for step in own)
    substitutions = [
        (str(reference), str(written), count)
        for (kind, reference, written), count in counted.items()
        if kind == 'substitution'
    ]
    substitutions.sort(key=lambda one: (-one[2], one[:2]))
    return CslrReport(alignment, scores, tuple(aligned), _glosses(counted), tuple(substitutions))


def _glosses(counted: Counter) -> tuple[GlossResult, ...]:
    wanted: Counter[tuple[str, str]] = Counter()  # (kind, gloss of the reference)
    written: Counter[tuple[str, str]] = Counter()  # (kind, gloss of the answer)
    for (kind, reference, hypothesis), count in counted.items():
        wanted[kind, reference] += count
        written[kind, hypothesis] += count
    glosses = {gloss for _, reference, hypothesis in counted for gloss in (reference, hypothesis)} - {None}
    results = []
    for gloss in sorted(glosses):
        correct, substituted, deleted = (wanted[kind, gloss] for kind in ('match', 'substitution', 'deletion'))
        inserted, instead = written['insertion', gloss], written['substitution', gloss]
        count = correct + substituted + deleted
        results.append(GlossResult(gloss, count, correct, substituted, deleted, inserted, instead))
    results.sort(key=lambda one: (-(one.substituted + one.deleted + one.inserted), one.gloss))
    return tuple(results)


def describe_cslr(report: CslrReport, rows: int = 20, examples: int = 10, width: int = 100) -> str:
    """Return the report as text for a terminal: totals, glosses, substitutions, clips with the most errors aligned.

    Args:
        report: what to describe.
        rows: at most so many rows of each table.
        examples: at most so many clips.
        width: columns of the terminal.
    """
    errors, words = report.errors, sum(one.count for one in report.glosses)
    wrong = [one for one in report.clips if sum(one.errors)]
    sections = [
        f'{len(report.clips)} clips ({len(report.clips) - len(wrong)} without an error), {words} reference glosses\n'
        f'WER {report.scores["wer_jiwer"]:.2f} (jiwer), {report.scores["wer"]:.2f} (published alignment)\n'
        f'Below, errors by the alignment {report.alignment!r}: {errors.substitutions} substitutions, '
        f'{errors.deletions} deletions, {errors.insertions} insertions'
    ]
    glosses = [one for one in report.glosses if one.substituted + one.deleted + one.inserted + one.instead]
    if glosses:
        sections.append(f'Glosses with errors{cut(glosses, rows)}:\n{_gloss_table(glosses[:rows])}')
    if report.substitutions:
        cells = [(str(count), wanted, written) for wanted, written, count in report.substitutions[:rows]]
        table = format_table(('times', 'reference', 'answer'), cells, widest=32)
        sections.append(f'Substitutions{cut(report.substitutions, rows)}:\n{table}')
    if wrong and examples:
        listing = '\n\n'.join(describe_clip(one, width) for one in wrong[:examples])
        sections.append(f'Clips with the most errors{cut(wrong, examples)}:\n\n{listing}')
    return '\n\n'.join(sections)


def _gloss_table(glosses: Sequence[GlossResult]) -> str:
    header = ('gloss', 'count', 'right', 'substituted', 'deleted', 'inserted', 'written for another')
    cells = []
    for one in glosses:
        numbers = (one.count, one.correct, one.substituted, one.deleted, one.inserted, one.instead)
        cells.append((one.gloss, *map(str, numbers)))
    return format_table(header, cells, widest=32)


def describe_clip(one: AlignedClip, width: int = 100) -> str:
    """Return a clip's name, its errors and its alignment, for a terminal of ``width`` columns."""
    errors = one.errors
    title = (
        f'{one.clip.id}   errors {sum(errors)}: S {errors.substitutions}  D {errors.deletions}  I {errors.insertions}'
    )
    failure = f'\nnot read: {one.clip.failure}' if one.clip.failure else ''
    return '\n'.join([title + failure, *aligned_lines(one.steps, width)])


def write_cslr(report: CslrReport, folder: str | Path) -> list[Path]:
    """Write ``alignments.txt`` (all clips), ``clips.csv``, ``glosses.csv``, ``substitutions.csv``, ``report.json``.

    Returns:
        The files.

    Raises:
        DataError: if the folder cannot be made.
    """
    folder = make_folder(folder)
    files = [folder / name for name in (
        'alignments.txt', 'clips.csv', 'glosses.csv', 'substitutions.csv', 'report.json',
    )]  # fmt: skip
    files[0].write_text('\n\n'.join(map(describe_clip, report.clips)) + '\n', encoding='utf-8')
    clip_header = ('dataset', 'id', 'reference_glosses', 'substitutions', 'deletions', 'insertions', 'error_rate')
    clips = [(*one.clip.key, len(one.clip.ref.split()), *one.errors, one.error_rate) for one in report.clips]
    write_table(files[1], clip_header, clips)
    gloss_header = tuple(GlossResult.__dataclass_fields__)
    glosses = [tuple(getattr(one, name) for name in gloss_header) for one in report.glosses]
    write_table(files[2], gloss_header, glosses)
    pair_header = ('reference', 'answer', 'count')
    write_table(files[3], pair_header, report.substitutions)
    content = {
        'scores': report.scores,
        'alignment': report.alignment,
        'errors': report.errors._asdict(),
        'glosses': [dict(zip(gloss_header, row, strict=True)) for row in glosses],
        'substitutions': [
            dict(zip(('reference', 'answer', 'count'), row, strict=True)) for row in report.substitutions
        ],
    }
    write_json(files[4], content)
    return files

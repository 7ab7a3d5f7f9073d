"""The report of translation as text, and as files."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from unisign.analysis.report_files import cut, make_folder, shown, write_json, write_table
from unisign.analysis.slt_report import ORDERS, Group, Sentence, SltReport
from unisign.analysis.text_table import format_table

_GROUP_HEADER = ('clips', 'BLEU-4', 'ROUGE-L', 'length ratio', 'words found', '2-grams', '3-grams', '4-grams')


def describe_slt(report: SltReport, rows: int = 5, width: int = 46) -> str:
    """Return the report as text for a terminal.

    Args:
        report: what to describe.
        rows: so many of the worst and of the best sentences, and of the repeated outputs.
        width: columns of a text before it is cut.
    """
    whole, clips = report.whole, report.whole.clips
    scores = '   '.join(f'{name} {value:.2f}' for name, value in whole.scores.items())
    size, found = report.vocabulary
    share = f' ({100 * found / size:.1f} %)' if size else ''
    sections = [
        f'{clips} clips   {scores}\n'
        f'mean of the sentences: BLEU-4 {report.mean_sentence_bleu:.2f} (not the score of the set)\n'
        f'words of the references that any output has: {found} of {size}{share}\n'
        f'empty outputs: {_share(report.empty, clips)}   outputs with loops: {_share(report.loops, clips)}   '
        f'the same output for different references: {_share(report.repeated, clips)}',
        _groups('reference words', report.buckets, whole),
    ]
    if report.languages:
        sections.append(_groups('language', report.languages, None))
    if report.frequent:
        frequent = [(str(number), text) for text, number in report.frequent[:rows]]
        table = format_table(('clips', 'output'), frequent, widest=2 * width)
        sections.append(f'Outputs for different references{cut(report.frequent, rows)}:\n{table}')
    half = min(rows, clips)
    sections.append(f'The worst {half}:\n{_sentences(report.sentences[:half], width)}')
    sections.append(f'The best {half}:\n{_sentences(report.sentences[::-1][:half], width)}')
    return '\n\n'.join(sections)


def _share(number: int, clips: int) -> str:
    return f'{number} ({100 * number / clips:.1f} %)'


def _groups(name: str, groups: Mapping[str, Group], whole: Group | None) -> str:
    rows = [(label, *_group_cells(one)) for label, one in groups.items()]
    if whole is not None:
        rows.append(('all', *_group_cells(whole)))
    return format_table((name, *_GROUP_HEADER), rows)


def _group_cells(one: Group) -> tuple[str, ...]:
    ratio = '' if one.length_ratio is None else f'{one.length_ratio:.2f}'
    coverage = ('' if share is None else f'{share:.1f}' for share in one.coverage)
    return str(one.clips), f'{one.scores["bleu4"]:.1f}', f'{one.scores["rouge_l"]:.1f}', ratio, *coverage


def _sentences(sentences: Sequence[Sentence], width: int) -> str:
    rows = [
        (f'{one.bleu:.1f}', f'{one.rouge_l:.1f}', one.clip.id, one.clip.ref, shown(one.clip.pred)) for one in sentences
    ]
    return format_table(('BLEU-4', 'ROUGE-L', 'clip', 'reference', 'output'), rows, widest=width)


def write_slt(report: SltReport, folder: str | Path) -> list[Path]:
    """Write ``sentences.csv`` (the worst first) and ``report.json`` and return them.

    Raises:
        DataError: if the folder cannot be made.
    """
    folder = make_folder(folder)
    files = [folder / 'sentences.csv', folder / 'report.json']
    header = (
        'dataset', 'id', 'bleu4', 'rouge_l', 'words', 'reference_words', 'length_ratio',
        *(f'coverage{order}' for order in ORDERS), 'loops', 'reference', 'output',
    )  # fmt: skip
    write_table(files[0], header, map(_sentence_row, report.sentences))
    write_json(files[1], asdict(replace(report, sentences=())) | {'sentences': files[0].name})
    return files


def _sentence_row(one: Sentence) -> tuple:
    ngrams = [max(0, one.reference_length - order + 1) for order in ORDERS]
    coverage = [100 * count / number if number else '' for count, number in zip(one.counts, ngrams, strict=True)]
    ratio = '' if one.length_ratio is None else one.length_ratio
    lengths = one.length, one.reference_length, ratio
    return *one.clip.key, one.bleu, one.rouge_l, *lengths, *coverage, int(one.loops), one.clip.ref, one.clip.pred

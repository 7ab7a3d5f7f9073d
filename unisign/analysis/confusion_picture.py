"""The confusion matrix as a picture; of many classes those that are confused most."""

from collections import Counter, defaultdict
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from unisign.analysis.islr_report import IslrReport
from unisign.structures import DataError
from unisign.visualization.fonts import choose_font

INSTALL = 'pip install -e ".[report]"'
OTHER = '(another)'
_LONGEST_LABEL = 24  # characters


def choose_classes(report: IslrReport, number: int) -> list[str]:
    """Return at most ``number`` classes, those of the most frequent confusions, each beside what it is confused with.

    Where all classes fit, all are returned; otherwise only classes that are confused with another one. In the order,
    the class comes next that is most often confused with the last one, in either direction.
    """
    labels = {one.label: None for one in report.classes}
    between: dict[str, Counter[str]] = defaultdict(Counter)
    pairs: Counter[tuple[str, str]] = Counter()
    for reference, answer, count in report.confusions:
        if answer in labels:
            pairs[min(reference, answer), max(reference, answer)] += count
            between[reference][answer] += count
            between[answer][reference] += count
    ranked = sorted(pairs, key=lambda pair: (-pairs[pair], pair))
    left = dict.fromkeys(label for pair in ranked for label in pair)
    left = left | labels if len(labels) <= number else dict.fromkeys(list(left)[:number])
    order: list[str] = []
    while left:
        last = between[order[-1]] if order else Counter()
        partners = sorted((label for label in last if label in left), key=lambda label: (-last[label], label))
        order.append(partners[0] if partners else next(iter(left)))
        del left[order[-1]]
    return order


def confusion_matrix(report: IslrReport, labels: list[str]) -> np.ndarray:
    """Return how often each class (row) is answered with each class (column), in percent of the row's clips.

    Returns:
        float64 [N, N + 1]; the last column is for answers that are not among ``labels``. Each row adds up to 100.
    """
    place = {label: index for index, label in enumerate(labels)}
    counts = {one.label: one.count for one in report.classes}
    matrix = np.zeros((len(labels), len(labels) + 1))
    for one in report.classes:
        if one.label in place:
            matrix[place[one.label], place[one.label]] = one.correct
    for reference, answer, count in report.confusions:
        if reference in place:
            matrix[place[reference], place.get(answer, len(labels))] += count
    return 100 * matrix / np.array([counts[label] for label in labels])[:, None]


def draw_confusions(report: IslrReport, path: str | Path, max_classes: int = 50, font: str | None = None) -> Path:
    """Draw the confusion matrix to ``path`` (.png or .svg) and return it.

    Args:
        report: what to draw.
        path: file; its suffix says the format.
        max_classes: of more classes only the most confused are drawn, and the title says so.
        font: font file; None looks for an installed one that has the characters.

    Raises:
        DataError: if matplotlib is missing, the format is unknown or the font cannot be read.
    """
    path = Path(path)
    if path.suffix not in ('.png', '.svg'):
        raise DataError(path, f'{path.suffix!r} is no format that is drawn.', 'Choose .png or .svg.')
    figure_module, fonts, colors = _matplotlib(path)
    labels = choose_classes(report, max_classes)
    matrix = confusion_matrix(report, labels)
    if not matrix[:, -1].any():
        matrix = matrix[:, :-1]
    side = 1.6 + 0.24 * max(len(labels), 8)
    figure = figure_module.Figure(figsize=(side + 1.4, side + 0.9), dpi=110, layout='constrained')
    axes = figure.subplots()
    # Blue where it is right, red where it is wrong: the diagonal would drown all else in one scale.
    right = np.eye(matrix.shape[0], matrix.shape[1], dtype=bool)
    for mask, tones in ((right, ('#ffffff', '#f4a582', '#b2182b')), (~right, ('#ffffff', '#92c5de', '#2166ac'))):
        scale = colors.LinearSegmentedColormap.from_list('scale', tones)
        axes.imshow(np.ma.array(matrix, mask=mask), cmap=scale, vmin=0, vmax=100)
    for (row, column), value in np.ndenumerate(matrix):
        if value >= 0.5:
            tone = 'white' if value > 55 else '#1a1d23'
            axes.text(column, row, f'{value:.0f}', ha='center', va='center', fontsize=7, color=tone)
    columns = labels if matrix.shape[1] == len(labels) else [*labels, OTHER]
    _name_axis(axes.xaxis, columns, fonts, font)
    _name_axis(axes.yaxis, labels, fonts, font)
    axes.tick_params(axis='x', rotation=90)
    axes.set(xlabel='answer', ylabel='reference')
    axes.set_xticks(np.arange(matrix.shape[1] + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(matrix.shape[0] + 1) - 0.5, minor=True)
    axes.grid(which='minor', color='#e3e4e0', linewidth=0.5)
    axes.tick_params(which='minor', length=0)
    total = len(report.classes)
    title = f'{total} classes' if len(labels) == total else f'The {len(labels)} most confused of {total} classes'
    axes.set_title(f'{title}, {report.clips} clips: percent of the row', fontsize=10)
    figure.savefig(path)
    return path


def _matplotlib(path: Path) -> tuple[ModuleType, ModuleType, ModuleType]:
    """Return the modules that draw; no ``pyplot``, which keeps figures open and asks for a display."""
    try:
        from matplotlib import colors, figure, font_manager
    except ImportError as error:
        raise DataError(path, f'drawing it needs matplotlib ({error}).', INSTALL) from error
    return figure, font_manager, colors


def _name_axis(axis: Any, names: list[str], fonts: ModuleType, font: str | None) -> None:
    short = [name if len(name) <= _LONGEST_LABEL else name[: _LONGEST_LABEL - 1] + '…' for name in names]
    drawable = [choose_font(name, font) for name in short]
    # Matplotlib takes two dollar signs for a formula.
    axis.set_ticks(range(len(names)), labels=[text.replace('$', r'\$') for _, text in drawable])
    for label, (file, _) in zip(axis.get_ticklabels(), drawable, strict=True):
        label.set_fontproperties(fonts.FontProperties(fname=file, size=8))

"""The picture of ``bench_scaling.py``: time and memory against frames, batch and vocabulary."""

import io
from pathlib import Path
from typing import Any

from scaling_tables import column, parts_of, slope

COLOURS = {
    'step': '#222222',
    'pose encoder': '#0072b2',
    'language encoder': '#d55e00',
    'attention': '#cc79a7',
    'vocabulary loss': '#009e73',
}
LABELS = {'frames': 'frames of the clip', 'batch': 'clips in the batch', 'vocabulary': 'vocabulary (tokens)'}
UNITS = {'seconds': 'forward and backward pass (s)', 'GiB': 'peak memory above the weights (GiB)'}
COLOURS_KEPT = 64  # a small file


def draw(sweeps: dict[str, Any], path: Path) -> None:
    """Write the picture; needs matplotlib."""
    from matplotlib.figure import Figure
    from PIL import Image

    shown = [over for over in LABELS if over in sweeps]
    figure = Figure(figsize=(4.3 * len(shown), 7.6), layout='constrained')
    places = figure.subplots(len(UNITS), len(shown), squeeze=False)
    for row, unit in zip(places, UNITS, strict=True):
        for axes, over in zip(row, shown, strict=True):
            draw_lines(axes, over, sweeps[over], unit)
        row[0].set_ylabel(UNITS[unit])
    path.parent.mkdir(parents=True, exist_ok=True)
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=95)
    Image.open(drawn).convert('RGB').quantize(COLOURS_KEPT).save(path, optimize=True)


def draw_lines(axes: Any, over: str, found: dict[str, Any], unit: str) -> None:
    """Draw each part of both sides, with the exponent of ours over the three largest sizes."""
    values = found['values']
    for part in parts_of(found):
        ours, baseline = (column(found, side, f'{part}, {unit}') for side in ('ours', 'baseline'))
        label = f'{part} ($\\sim n^{{{slope(values[-3:], ours[-3:]):.2f}}}$)'
        axes.plot(values, ours, '-o', color=COLOURS[part], markersize=4, label=label)
        axes.plot(values, baseline, '--s', color=COLOURS[part], markersize=4, markerfacecolor='white')
    axes.set_xscale('log', base=2)
    axes.set_yscale('log')
    axes.set_xticks(values, [f'{value:,}' for value in values], rotation=30)
    axes.set_xlabel(LABELS[over])
    fixed = ', '.join(f'{name} {size:,}' for name, size in found['fixed'].items())
    axes.set_title(f'{fixed}; solid: ours, dashed: baseline', fontsize=9)
    axes.grid(which='major', alpha=0.3)
    axes.legend(fontsize=8)

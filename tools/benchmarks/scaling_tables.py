"""What ``bench_scaling.py`` found, as Markdown tables with the exponents of growth."""

import math
from collections.abc import Sequence
from typing import Any


def slope(values: Sequence[float], found: Sequence[float]) -> float:
    """Return the exponent p of found ~ values ** p: least squares on the logarithms; NaN below two points."""
    x, y = ([math.log(one) for one in each] for each in (values, found))
    middle_x, middle_y = sum(x) / len(x), sum(y) / len(y)
    spread = sum((a - middle_x) ** 2 for a in x)
    if not spread:
        return math.nan
    return sum((a - middle_x) * (b - middle_y) for a, b in zip(x, y, strict=True)) / spread


def parts_of(found: dict[str, Any]) -> list[str]:
    """Return the measured parts of a sweep over sizes."""
    return [name.removesuffix(', seconds') for name in found['figures']['ours'][0] if name.endswith(', seconds')]


def column(found: dict[str, Any], side: str, name: str) -> list[float]:
    """Return a figure at each value."""
    return [one[name] for one in found['figures'][side]]


def print_sweep(over: str, found: dict[str, Any]) -> None:
    """Print a sweep."""
    fixed = ', '.join(f'{name} {size:,}' for name, size in found['fixed'].items())
    print(f'\n## {over} ({fixed})')
    if over == 'processes':
        for name in found['figures']['ours'][0]:
            print_table(over, found, {name: ''})
        return
    for part in parts_of(found):
        print_table(over, found, {f'{part}, seconds': 's', f'{part}, GiB': 'GiB'})
    if 'gradients, GiB' in found['figures']['ours'][0]:
        listed = ', '.join(f'{one:.2f}' for one in column(found, 'ours', 'gradients, GiB'))
        print(f'\nof the step the gradients, GiB: {listed}')
    if over == 'frames':
        print_attention(found)


def print_table(over: str, found: dict[str, Any], columns: dict[str, str]) -> None:
    """Print figures -> unit against the values, and how they grow."""
    heads = []
    for name, unit in columns.items():
        ratio = 'ours / baseline' if name.endswith('a second') else 'baseline / ours'
        heads += [f'ours {unit}'.strip(), f'baseline {unit}'.strip(), ratio]
    print(f'\n{" and ".join(columns)}\n\n| {over} | {" | ".join(heads)} |\n|{"---|" * (len(heads) + 1)}')
    series = [(name, column(found, 'ours', name), column(found, 'baseline', name)) for name in columns]
    for i, value in enumerate(found['values']):
        cells = [
            f'{ours[i]:.3g} | {other[i]:.3g} | {better(name, ours[i], other[i]):.2f}' for name, ours, other in series
        ]
        print(f'| {value:,} | {" | ".join(cells)} |')
    if over == 'processes':
        return
    for place, part in (('all', slice(None)), ('the last two', slice(-2, None))):
        slopes = [slope(found['values'][part], one[part]) for _, *sides in series for one in sides]
        cells = [f'{ours:.2f} | {other:.2f} |' for ours, other in zip(slopes[::2], slopes[1::2], strict=True)]
        print(f'| exponent, {place} | {" | ".join(cells)} |')


def better(name: str, ours: float, baseline: float) -> float:
    """Return how many times better ours is."""
    return ours / baseline if name.endswith('a second') else baseline / ours


def print_attention(found: dict[str, Any]) -> None:
    """Print the share of the language model's attention, as timed alone."""
    print('\nattention of the language model, timed alone\n\n| frames | of the language encoder | of our step |')
    print('|---|---|---|')
    for value, one in zip(found['values'], found['figures']['ours'], strict=True):
        shares = [one['attention, seconds'] / one[f'{whole}, seconds'] for whole in ('language encoder', 'step')]
        print(f'| {value:,} | {" | ".join(f"{100 * share:.0f} %" for share in shares)} |')

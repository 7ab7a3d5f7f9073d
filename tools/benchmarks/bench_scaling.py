"""How time and memory grow with frames, batch and vocabulary, and throughput with processes; ours and the baseline.

Example: ``python tools/benchmarks/bench_scaling.py --json work_dirs/scaling.json --plot work_dirs/scaling.png``.

A step is forward and backward pass, without the optimizer, whose cost does not change; its parts are also measured
alone. Every side at every size runs in a process of its own, in turns. With one thread times are processor times of the
process, so that a busy machine does little harm; throughputs are by the clock on the wall and want an idle one. Sizes
are mT5-base's but for the layers and the vocabulary. ``--read FILES`` prints and draws earlier runs.
"""

import argparse
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from side_by_side import add_options, alternate, origin, print_measurement, write_json

# Sweep -> its sizes, and what stays the same.
VALUES = {
    'frames': (64, 128, 256, 512, 1024, 2048),
    'batch': (1, 4, 16, 64),
    'vocabulary': (8192, 32768, 100_000, 250_112),
    'processes': (1, 2),
}
FIXED = {
    'frames': dict(batch=1, vocabulary=8192),
    'batch': dict(frames=16, vocabulary=8192),
    'vocabulary': dict(batch=8, frames=8),
    'processes': dict(batch=4, frames=128, vocabulary=8192),
}


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--over', nargs='+', choices=tuple(VALUES), default=tuple(VALUES), help='default: all')
    parser.add_argument('--values', nargs='+', type=int, help='sizes, in place of the usual ones; with one --over')
    for name in ('batch', 'frames', 'vocabulary'):
        parser.add_argument(f'--{name}', type=int, help='where it is not the one that grows')
    parser.add_argument('--layers', type=int, default=2, help='layers of the encoder, and of the decoder')
    parser.add_argument('--plot', type=Path, help='draw the sweeps over frames, batch and vocabulary here (matplotlib)')
    parser.add_argument(
        '--read', type=Path, nargs='+', help='measure nothing; print and draw what --json wrote earlier'
    )
    parser.add_argument('--one', nargs=3, help=argparse.SUPPRESS)
    add_options(parser, rounds=1, threads=1)
    args = parser.parse_args()
    if args.values and len(args.over) != 1:
        parser.error('--values belongs to one sweep: name it with --over')
    return args


def sizes_of(over: str, value: int, args: argparse.Namespace) -> dict[str, int]:
    """Return batch, frames and vocabulary at a place of a sweep."""
    given = {name: getattr(args, name) for name in ('batch', 'frames', 'vocabulary') if getattr(args, name)}
    sizes: dict[str, int] = FIXED[over] | given | {over: value}
    return sizes


def measure(args: argparse.Namespace) -> None:
    """Measure one side at one size."""
    import torch
    from scaling_parts import measure_parts
    from scaling_processes import measure_processes

    torch.set_num_threads(args.threads)
    over, value, folder = args.one
    sizes = sizes_of(over, int(value), args)
    common = (Path(folder), sizes['batch'], sizes['frames'])
    if over == 'processes':
        figures = measure_processes(args.side, int(value), *common)
    else:
        figures = measure_parts(args.side, over, *common)
    print_measurement(**figures)


def sweep(over: str, args: argparse.Namespace) -> dict[str, Any]:
    """Return ``fixed`` sizes, ``values`` and ``figures``: side -> one measurement a value."""
    from sizes import make_folder

    values = sorted(args.values or VALUES[over])
    figures: dict[str, list[dict[str, float]]] = {}
    for value in values:
        with tempfile.TemporaryDirectory() as name:
            folder = make_folder(Path(name), args.layers, sizes_of(over, value, args)['vocabulary'])
            medians = alternate(args, more=('--one', over, str(value), str(folder)))
        for side, found in medians.items():
            figures.setdefault(side, []).append(found)
        print(f'measured: {over} {value} (load {os.getloadavg()[0]:.1f})', flush=True)
    fixed = {name: size for name, size in sizes_of(over, values[0], args).items() if name != over}
    return dict(fixed=fixed, values=values, figures=figures)


def main() -> None:
    """Run the command line."""
    args = parse_args()
    if args.one:
        measure(args)
        return
    if args.read:
        runs = [json.loads(file.read_text()) for file in args.read]
    else:
        sweeps = {over: sweep(over, args) for over in args.over}
        runs = [dict(origin(args), layers=args.layers, rounds=args.rounds, sweeps=sweeps)]
        write_json(args, runs[0])
    from scaling_tables import print_sweep

    for run in runs:
        print(f'\n{run["machine"]}, {run["threads"]} threads a process, load {run["load"]:.2f} at the end')
        print(f'{run["date"]}, commit {run["commit"]}: {run["command"]}')
        for over, found in run['sweeps'].items():
            print_sweep(over, found)
    if args.plot:
        from scaling_plot import draw

        draw({over: found for run in runs for over, found in run['sweeps'].items()}, args.plot)


if __name__ == '__main__':
    main()

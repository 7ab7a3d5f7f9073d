"""What the benchmarks share: each side in a process of its own, in turns; medians, memory, and where it was measured.

A benchmark calls itself again with ``--side NAME`` for each measurement, so that no side warms a cache or leaves memory
behind for the other. The process prints one line of JSON.
"""

import argparse
import ctypes
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

SIDES = ('ours', 'baseline')
MORE_IS_BETTER = 'more is better'
Measurement = dict[str, float]


def add_options(parser: argparse.ArgumentParser, rounds: int = 3, threads: int = 2) -> None:
    """Add the options that every benchmark of two sides has."""
    parser.add_argument('--rounds', type=int, default=rounds, help='processes of each side, in turns')
    parser.add_argument('--threads', type=int, default=threads, help='threads of each process')
    parser.add_argument('--json', type=Path, help='write the figures here too')
    parser.add_argument('--side', help=argparse.SUPPRESS)


def alternate(
    args: argparse.Namespace, sides: tuple[str, ...] = SIDES, more: tuple[str, ...] = ()
) -> dict[str, Measurement]:
    """Return side -> median of each figure over the rounds, the sides measured in turns, with ``more`` arguments."""
    found: dict[str, list[Measurement]] = {side: [] for side in sides}
    environment = os.environ | {'OMP_NUM_THREADS': str(args.threads), 'MKL_NUM_THREADS': str(args.threads)}
    for number in range(args.rounds):
        for side in sides if number % 2 == 0 else sides[::-1]:
            command = [sys.executable, *sys.argv, *more, '--side', side]
            done = subprocess.run(command, env=environment, check=False, stdout=subprocess.PIPE, text=True)
            if done.returncode:
                sys.exit(f'{side} failed with exit code {done.returncode}: {" ".join(command)}')
            found[side].append(json.loads(done.stdout.splitlines()[-1]))
    return {side: {key: statistics.median(one[key] for one in each) for key in each[0]} for side, each in found.items()}


def print_measurement(**figures: float) -> None:
    """Say what a side measured, for ``alternate``."""
    print(json.dumps(figures), flush=True)


def seconds(step: Callable[[], object], count: int, warm_up: int = 1) -> float:
    """Return the median seconds of ``count`` calls, after ``warm_up`` ones."""
    for _ in range(warm_up):
        step()
    times = []
    for _ in range(count):
        begin = time.perf_counter()
        step()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def keep_freed_memory() -> None:
    """Let the C library keep freed memory, as ``tools/train.py`` does on the CPU; both sides call it."""
    from unisign.engine.cpu_memory import keep_freed_memory

    keep_freed_memory()


def resident_bytes() -> int:
    """Return the memory this process holds now."""
    with Path('/proc/self/statm').open() as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def peak_bytes() -> int:
    """Return the most memory this process has held since it began or since ``forget_peak``."""
    for line in Path('/proc/self/status').read_text().splitlines():
        if line.startswith('VmHWM:'):
            return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def forget_peak() -> None:
    """Give unused memory back, and let ``peak_bytes`` count from here."""
    from unisign.models.block_memory import give_back

    give_back()
    ctypes.CDLL(None).malloc_trim(0)
    Path('/proc/self/clear_refs').write_text('5')


def clip_units(step: str) -> dict[str, str]:
    """Return what ``report`` prints behind the figures of ``name_clip_figures``."""
    return {f'seconds a {step}': 's', 'clips a second': '(more is better)', 'memory above weights': 'GiB'}


def name_clip_figures(medians: Mapping[str, Measurement], step: str, clips: int) -> None:
    """Add under their names what follows from ``seconds`` and ``memory`` of a step with so many clips."""
    for figures in medians.values():
        found = (figures['seconds'], clips / figures['seconds'], figures['memory'])
        figures.update(zip(clip_units(step), found, strict=True))


def report(title: str, medians: Mapping[str, Measurement], units: Mapping[str, str], args: argparse.Namespace) -> None:
    """Print ours, the baseline and their ratio for each figure, and write them to ``--json``.

    Args:
        title: what was measured.
        medians: side -> figure -> value.
        units: figure -> what is printed behind it; a figure without one is not printed.
        args: the command line.
    """
    facts = origin(args)
    print(f'\n{title}\n{facts["machine"]}, {facts["threads"]} threads, load {facts["load"]:.2f}')
    print(f'{facts["date"]}, commit {facts["commit"]}: {facts["command"]}')
    print(f'median of {args.rounds} processes a side, in turns')
    ours, baseline = (medians[side] for side in SIDES)
    width = max(map(len, units))
    print(f'{"":{width}} {"ours":>12} {"baseline":>12} {"times better":>16}')
    for name, unit in units.items():
        better, worse = (ours, baseline) if MORE_IS_BETTER in unit else (baseline, ours)
        ratio = better[name] / worse[name] if worse[name] else float('inf')
        print(f'{name:{width}} {ours[name]:12.4g} {baseline[name]:12.4g} {ratio:16.2f}  {unit}')
    write_json(args, dict(facts, title=title, medians=medians))


def write_json(args: argparse.Namespace, content: Mapping[str, Any]) -> None:
    """Write figures to ``--json``, if it is given."""
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(content, indent=2) + '\n')


def origin(args: argparse.Namespace) -> dict[str, Any]:
    """Return where and how figures were measured."""
    import torch

    commit = subprocess.run(['git', 'rev-parse', '--short', 'HEAD'], check=False, capture_output=True, text=True)
    script = Path(sys.argv[0])
    accelerator = f'{torch.cuda.get_device_name()}, ' if getattr(args, 'device', None) == 'cuda' else ''
    return dict(
        command=' '.join(['python', f'tools/benchmarks/{script.name}', *sys.argv[1:]]),
        machine=f'{accelerator}{processor()}, torch {torch.__version__}',
        threads=args.threads,
        load=os.getloadavg()[0],
        commit=commit.stdout.strip() or 'unknown',
        date=date.today().isoformat(),
    )


def processor() -> str:
    """Return the processor's name and the number of its cores."""
    try:
        lines = Path('/proc/cpuinfo').read_text().splitlines()
        name = next(line.split(':')[1].strip() for line in lines if line.startswith('model name'))
    except (OSError, StopIteration):
        name = platform.processor() or platform.machine()
    return f'{name}, {os.cpu_count()} cores'

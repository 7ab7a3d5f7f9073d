"""Kill ``tools/data/extract_poses.py`` with SIGKILL, start it again, and compare with a run that nobody disturbed.

Example: ``python tools/misc/kill_extraction.py data/toy/videos --clips 20 --processes 2 --kill-after 0 5 11 17``. Then
the same work is shared out by torchrun, and by the tasks of a SLURM array (by their environment variables; no SLURM is
needed). Every clip must hold the same numbers, no part of a file may stay, and nothing finished may be done again.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from unisign.pose import find_videos

EXTRACT = Path(__file__).resolve().parents[1] / 'data/extract_poses.py'
PATIENCE = 600  # seconds, for one clip to appear


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('videos', type=Path, help='folder of videos, or a list')
    parser.add_argument('--clips', type=int, default=20, help='how many of them (default: 20)')
    parser.add_argument('--processes', type=int, default=2)
    parser.add_argument('--kill-after', type=int, nargs='*', default=[0, 5, 11, 17], help='finished clips before it')
    parser.add_argument(
        '--shares', type=int, default=2, help='processes of torchrun and tasks of the array; 1: neither'
    )
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/kill_extraction'), help='emptied first')
    parser.add_argument('--estimator', default='mediapipe')
    parser.add_argument('--options', default='{}', help="the estimator's, as for extract_poses.py")
    return parser.parse_args()


def main() -> None:
    """Print a row for each run; exits with 1 if one ended differently."""
    args = parse_args()
    shutil.rmtree(args.work_dir, ignore_errors=True)
    args.work_dir.mkdir(parents=True)
    videos = args.work_dir / 'videos.txt'
    chosen = find_videos(args.videos)[: args.clips]
    videos.write_text(''.join(f'{video.path.resolve()}\n' for video in chosen), encoding='utf-8')
    estimator = ['--estimator', args.estimator, '--options', args.options]

    def command(name: str, processes: int = args.processes) -> list[str]:
        out = str(args.work_dir / name)
        return [sys.executable, str(EXTRACT), str(videos), out, '--processes', str(processes), *estimator]

    begin = time.monotonic()
    call(command('whole', 1))
    expected = contents(args.work_dir / 'whole')
    print(f'undisturbed, one process: {len(chosen)} clips in {time.monotonic() - begin:.0f} s', flush=True)
    print('| run | finished at the kill | half-written files it left | done again | files that differ |')
    print('|---|---|---|---|---|', flush=True)
    bad = 0
    for number, least in enumerate(args.kill_after):
        bad += killed(command(f'killed_{number}'), args.work_dir / f'killed_{number}', least, expected)
    if args.shares > 1:
        bad += shared(f'torchrun, {args.shares} processes', args, command, expected, by_torchrun)
        bad += shared(f'SLURM array of {args.shares}', args, command, expected, by_array)
    sys.exit(int(bad > 0))


def killed(command: list[str], out: Path, least: int, expected: Mapping[str, bytes]) -> int:
    """Kill the main process once ``least`` clips are finished, start again; return how many files are wrong."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + PATIENCE
    while len(list(out.glob('*.npz'))) < least or not out.is_dir():
        if process.poll() is not None or time.monotonic() > end:
            raise SystemExit(f'error: the extraction ended before {least} clips were there')
        time.sleep(0.01)
    time.sleep(0.3)  # into the next clip
    process.kill()
    process.wait()
    wait_for_quiet(out)
    finished = {path.name: path.stat().st_mtime_ns for path in out.glob('*.npz')}
    parts = len(list(out.glob('*.part')))
    call(command)
    again = sum((out / name).stat().st_mtime_ns != moment for name, moment in finished.items())
    wrong = differences(out, expected)
    print(f'| killed | {len(finished)} | {parts} | {again} | {wrong} |', flush=True)
    return wrong + again


def wait_for_quiet(out: Path) -> None:
    """Wait until the workers, which end when their parent is gone, write nothing more."""
    before: set[str] = set()
    while before != (now := {path.name for path in out.iterdir()}) or not now:
        before = now
        time.sleep(2)


def shared(
    name: str,
    args: argparse.Namespace,
    command: Callable[[str, int], list[str]],
    expected: Mapping[str, bytes],
    start: Callable[[list[str], int], list[str]],
) -> int:
    """Let ``args.shares`` processes take a share each; return how many files are wrong."""
    folder = 'shared_' + name.split()[0].strip(',')
    sizes = start(command(folder, 1), args.shares)
    wrong = differences(args.work_dir / folder, expected)
    print(f'| {name}: {" + ".join(sizes)} clips | - | - | - | {wrong} |', flush=True)
    return wrong


def by_torchrun(command: list[str], shares: int) -> list[str]:
    """Start all shares by torchrun; return how many clips each did."""
    launcher = [sys.executable, '-m', 'torch.distributed.run', '--standalone', f'--nproc_per_node={shares}']
    return share_sizes(call([*launcher, *command[1:]]))


def by_array(command: list[str], shares: int) -> list[str]:
    """Start the shares one after the other, each with the variables of a task of an array, counted from 1."""
    sizes = []
    for task in range(1, shares + 1):
        numbers = {'ID': task, 'MIN': 1, 'MAX': shares, 'COUNT': shares, 'STEP': 1}
        sizes += share_sizes(call(command, {f'SLURM_ARRAY_TASK_{name}': str(n) for name, n in numbers.items()}))
    return sizes


def share_sizes(output: str) -> list[str]:
    """Return the numbers of clips in the last line of each process."""
    return [line.split(': ')[1].split(' of ')[0] for line in output.splitlines() if ' from before, ' in line]


def call(command: list[str], more: Mapping[str, str] | None = None) -> str:
    """Run to the end; return what was printed."""
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **(more or {})}, check=False)
    if done.returncode:
        raise SystemExit(f'error: {" ".join(command)} ended with {done.returncode}:\n{done.stderr[-2000:]}')
    return done.stdout


def contents(folder: Path) -> dict[str, bytes]:
    """Return name -> content of all files; of poses the arrays, since the archives around them hold times."""
    found = {}
    for path in folder.iterdir():
        if path.suffix == '.npz':
            with np.load(path) as arrays:
                found[path.name] = b''.join(name.encode() + arrays[name].tobytes() for name in sorted(arrays.files))
        else:
            found[path.name] = path.read_bytes()
    return found


def differences(folder: Path, expected: Mapping[str, bytes]) -> int:
    """Return how many files are missing, too many, or hold something else."""
    found = contents(folder)
    return sum(found.get(name) != expected.get(name) for name in {*found, *expected})


if __name__ == '__main__':
    main()

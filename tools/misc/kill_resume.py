"""Kill a training with SIGKILL at random moments, resume it, and compare its end with an undisturbed run's, to the bit.

python tools/misc/kill_resume.py CONFIG [--runs 20] [--kills 1] [--cfg-options key=value ..]
"""

import argparse
import random
import shutil
import sys
from pathlib import Path

from mmengine.config import DictAction

from unisign.engine import check_config
from unisign.engine.kill_resume import killed, start_fork, start_process, table_row, undisturbed
from unisign.engine.launch import prepare_config, run_readably, run_train

TOOLS = Path(__file__).resolve().parents[1]


def parse_args() -> argparse.Namespace:
    """Return the command line's arguments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', type=Path, help='config of a short training')
    parser.add_argument('--runs', type=int, default=20, help='how many trainings to kill (default: 20)')
    parser.add_argument('--kills', type=int, default=1, help='how often to kill each of them (default: 1)')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/kill_resume'), help='emptied first')
    parser.add_argument('--seed', type=int, default=0, help='seed of the moments (default: 0)')
    parser.add_argument('--fork', action='store_true', help='fork the trainings: no imports for each, so much faster')
    parser.add_argument('--cfg-options', nargs='+', default=[], help='config entries to change: key=value ..')
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    """Train, kill, resume, compare; exits with 1 if a run ended differently."""
    shutil.rmtree(args.work_dir, ignore_errors=True)
    args.work_dir.mkdir(parents=True)
    options = ['--cfg-options', *args.cfg_options] if args.cfg_options else []
    start = start_process(TOOLS / 'train.py', args.config, options)
    if args.fork:
        parser = argparse.ArgumentParser()
        parser.add_argument('--cfg-options', nargs='+', action=DictAction)
        changes = parser.parse_args(options).cfg_options
        check_config(prepare_config(args.config, options=changes))  # imports what the forks need
        start = start_fork(lambda folder: run_train(prepare_config(args.config, str(folder), changes), resume='auto'))
    expected, seconds = undisturbed(start, args.work_dir)
    print(f'undisturbed: trained in {seconds:.1f} s', flush=True)
    rng, runs = random.Random(args.seed), []
    for number in range(1, args.runs + 1):
        runs.append(killed(start, args.work_dir, f'run_{number}', args.kills, seconds, expected, rng))
        print(table_row(number, runs[-1]), flush=True)
    different = sum(bool(run.differences) for run in runs)
    print(f'{sum(len(run.kills) for run in runs)} kills in {len(runs)} runs: {len(runs) - different} identical')
    if different:
        sys.exit(1)


if __name__ == '__main__':
    arguments = parse_args()
    sys.exit(run_readably(lambda: main(arguments)))

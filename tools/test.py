"""Test a checkpoint: ``python tools/test.py CONFIG CHECKPOINT [--out preds.jsonl] [--cfg-options key=value ..]``."""

import argparse
import os
import sys

from mmengine.config import DictAction

from unisign.engine.launch import prepare_config, run_readably, run_test


def parse_args() -> argparse.Namespace:
    """Return the command line's arguments, in MMEngine's conventions."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config file, or the name of a config')
    parser.add_argument('checkpoint', help="checkpoint file, name in the model zoo, or a run's folder (its best)")
    parser.add_argument('--work-dir', help='folder for logs and scores (default: work_dirs/<config name>)')
    parser.add_argument('--out', help='JSON Lines file for the predictions, one clip a line')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, help='config entries to change: key=value ..')
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help='set by the launcher')
    parser.add_argument('--traceback', action='store_true', help='show the traceback of errors about data and config')
    args = parser.parse_args()
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    return args


def main(args: argparse.Namespace) -> None:
    """Put the arguments into the config and test."""
    run_test(prepare_config(args.config, args.work_dir, args.cfg_options, args.launcher), args.checkpoint, args.out)


if __name__ == '__main__':
    arguments = parse_args()
    sys.exit(run_readably(lambda: main(arguments), arguments.traceback))

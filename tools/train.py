"""Train a model: ``python tools/train.py CONFIG [--resume] [--work-dir DIR] [--cfg-options key=value ..]``."""

import argparse
import os
import sys

from mmengine.config import DictAction

from unisign.engine import ConfigError
from unisign.engine.launch import prepare_config, run_readably, run_train


def parse_args() -> argparse.Namespace:
    """Return the command line's arguments, in MMEngine's conventions."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config file, or the name of a config')
    parser.add_argument('--work-dir', help='folder for logs and checkpoints (default: work_dirs/<config name>)')
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        help='go on exactly where the last checkpoint in the work dir was written, or from the checkpoint named here',
    )
    parser.add_argument('--overwrite', action='store_true', help="replace an earlier run's checkpoints in the work dir")
    parser.add_argument('--amp', action='store_true', help='automatic mixed precision (bfloat16) where there is a GPU')
    parser.add_argument('--auto-scale-lr', action='store_true', help='scale the learning rate with the batch size')
    parser.add_argument('--seed', type=int, help='seed of weights, data order, augmentation and dropout')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, help='config entries to change: key=value ..')
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help='set by the launcher')
    parser.add_argument('--traceback', action='store_true', help='show the traceback of errors about data and config')
    args = parser.parse_args()
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    return args


def main(args: argparse.Namespace) -> None:
    """Put the arguments into the config and train."""
    cfg = prepare_config(args.config, args.work_dir, args.cfg_options, args.launcher)
    if args.seed is not None:
        cfg.merge_from_dict({'randomness.seed': args.seed})
    if args.amp and cfg.optim_wrapper.get('type', 'OptimWrapper') == 'OptimWrapper':
        cfg.optim_wrapper.update(type='AmpOptimWrapper', dtype='bfloat16', loss_scale=1.0)
    if args.auto_scale_lr:
        if not cfg.get('auto_scale_lr'):
            raise ConfigError(
                args.config, '--auto-scale-lr needs auto_scale_lr = dict(base_batch_size=..) in the config.'
            )
        cfg.auto_scale_lr.enable = True
    run_train(cfg, args.resume, args.overwrite)


if __name__ == '__main__':
    arguments = parse_args()
    sys.exit(run_readably(lambda: main(arguments), arguments.traceback))

"""Merge a checkpoint's LoRA adapters into its weights, so that the config without them loads it.

python tools/models/merge_adapters.py CONFIG CHECKPOINT OUT.pth [--cfg-options model.head.lora.r=8 ..]
"""

import argparse
import sys

from mmengine.config import DictAction

from unisign.engine.launch import run_readably
from unisign.engine.merge_adapters import merge_checkpoint


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Merge LoRA adapters into the weights of the language model.')
    parser.add_argument('config', help='the config it was trained with, with model.head.lora')
    parser.add_argument('checkpoint', help='checkpoint file, with adapters')
    parser.add_argument('out', help='file to write (.pth or .safetensors)')
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, metavar='KEY=VALUE', help='as they were given in training'
    )
    parser.add_argument('--traceback', action='store_true', help='show the traceback of errors about files')
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    """Write the merged weights."""
    count = merge_checkpoint(args.config, args.checkpoint, args.out, args.cfg_options)
    print(f'wrote {args.out}: {count} adapters merged')


if __name__ == '__main__':
    arguments = parse_args()
    sys.exit(run_readably(lambda: main(arguments), arguments.traceback))

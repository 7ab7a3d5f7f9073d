"""Convert a published checkpoint to this library's names, or back; nothing in the file is run.

python tools/models/convert_official.py IN.pth OUT.pth
python tools/models/convert_official.py OUT.pth AGAIN.pth --to-official
"""

import argparse
import sys

from unisign.engine.convert_official import convert_official
from unisign.engine.launch import run_readably


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Convert a published checkpoint to ours, or back, to the bit.')
    parser.add_argument('source', metavar='IN', help='the checkpoint: .pth of any age, or .safetensors')
    parser.add_argument('target', metavar='OUT', help='the file to write: .pth or .safetensors')
    parser.add_argument('--to-official', action='store_true', help='from our names to the published ones')
    parser.add_argument('--config', help="config whose model it must fit (default: the published model's sizes)")
    parser.add_argument('--traceback', action='store_true', help='show the traceback of errors about the file')
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    """Convert, and say what was written."""
    state = convert_official(args.source, args.target, args.to_official, args.config)
    names = 'published names' if args.to_official else "this library's names"
    print(f'wrote {args.target}: {len(state)} tensors, {names}; every bit comes back.')


if __name__ == '__main__':
    arguments = parse_args()
    sys.exit(run_readably(lambda: main(arguments), arguments.traceback))

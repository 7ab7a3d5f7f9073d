"""Export a pose-only model to ONNX: ``python tools/deployment/export_onnx.py CONFIG CHECKPOINT --out DIR [--int8]``.

The folder holds all that answering needs: ``python demo/translate.py VIDEO --model DIR`` (``docs/export.md``).
"""

import argparse
import sys
from pathlib import Path

from mmengine.config import DictAction

from unisign.apis import init_model
from unisign.deployment import dataset_of, export_model, folder_size, quantize_export
from unisign.deployment.export import OPSET
from unisign.engine.launch import find_checkpoint, prepare_config, run_readably


def parse_args() -> argparse.Namespace:
    """Return the command line's arguments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config file of a pose-only model')
    parser.add_argument('checkpoint', help="checkpoint file, or a run's folder (then its best checkpoint)")
    parser.add_argument('--out', required=True, help='folder to write; it must not hold anything yet')
    parser.add_argument('--opset', type=int, default=OPSET, help=f"ONNX's version of operators (default: {OPSET})")
    parser.add_argument('--int8', action='store_true', help='also write DIR_int8, the language model in whole numbers')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, help='config entries to change: key=value ..')
    parser.add_argument('--traceback', action='store_true', help='show the traceback of errors about data and config')
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    """Export, and say how large the files are and how near to PyTorch."""
    cfg = prepare_config(args.config, options=args.cfg_options)
    checkpoint = find_checkpoint(args.checkpoint)
    made_by = {'config': Path(args.config).name, 'checkpoint': checkpoint.name}
    model = init_model(cfg, checkpoint, 'cpu')
    description = export_model(model, args.out, dataset_of(cfg), args.opset, made_by)
    for name, difference in description.equality.items():
        print(f'{name}: differs from PyTorch by {difference:.1g} at most')
    show_sizes(args.out)
    if args.int8:
        small = f'{args.out.rstrip("/")}_int8'
        quantize_export(args.out, small)
        show_sizes(small)


def show_sizes(folder: str) -> None:
    """Say how large the files of an export are."""
    sizes = folder_size(folder)
    print('\n'.join(f'{size / 2**20:9.2f} MiB  {name}' for name, size in sizes.items()))
    print(f'{sum(sizes.values()) / 2**20:9.2f} MiB  {folder}')


if __name__ == '__main__':
    arguments = parse_args()
    sys.exit(run_readably(lambda: main(arguments), arguments.traceback))

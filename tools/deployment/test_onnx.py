"""Test an exported model: ``python tools/deployment/test_onnx.py CONFIG DIR [--out preds.jsonl] [--cfg-options ..]``.

Clips and scores are the config's, as in ``tools/test.py``; the model is the exported one.
"""

import argparse
import sys

from mmengine.config import DictAction

from unisign.deployment import run_onnx_test
from unisign.engine.launch import prepare_config, run_readably


def parse_args() -> argparse.Namespace:
    """Return the command line's arguments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config file: its test clips and scores')
    parser.add_argument('folder', help='what tools/deployment/export_onnx.py wrote')
    parser.add_argument('--work-dir', help='folder for logs and scores (default: work_dirs/<config name>)')
    parser.add_argument('--out', help='JSON Lines file for the predictions, one clip a line')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, help='config entries to change: key=value ..')
    parser.add_argument('--traceback', action='store_true', help='show the traceback of errors about data and config')
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    """Put the exported model into the config and test."""
    run_onnx_test(prepare_config(args.config, args.work_dir, args.cfg_options), args.folder, args.out)


if __name__ == '__main__':
    arguments = parse_args()
    sys.exit(run_readably(lambda: main(arguments), arguments.traceback))

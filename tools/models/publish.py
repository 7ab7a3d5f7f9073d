"""Make a checkpoint ready for others: weights alone as safetensors, their SHA-256, a model card.

python tools/models/publish.py CHECKPOINT OUT_FOLDER --config CONFIG --licence cc-by-nc-4.0 [--push-to-hub USER/NAME]
"""

import argparse
import sys

from unisign.engine.launch import run_readably
from unisign.engine.model_card import TASK_NAMES
from unisign.engine.publish import publish, push_to_hub


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Weights alone as safetensors, their SHA-256, and a model card.')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('out', help='folder to write, without a README.md yet')
    parser.add_argument('--config', required=True, help='the config it was trained with')
    parser.add_argument('--licence', required=True, help='of the weights, as the hub names it, e.g. cc-by-nc-4.0')
    parser.add_argument('--task', choices=list(TASK_NAMES), help="default: that of the config's test data")
    parser.add_argument('--data', help="name of the corpus (default: the name of the config's data folder)")
    parser.add_argument('--scores', help='test_metrics.json that tools/test.py wrote for this checkpoint and config')
    parser.add_argument('--push-to-hub', metavar='USER/NAME', help='upload both files to this Hugging Face repository')
    parser.add_argument('--traceback', action='store_true', help='show the traceback of errors about files')
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    """Write weights and card; upload them if asked to."""
    path = publish(args.checkpoint, args.out, args.config, args.licence, args.task, args.data, args.scores)
    print(f'wrote {path} and the card beside it')
    if args.push_to_hub:
        print(f'uploaded to {push_to_hub(path, args.push_to_hub)}')


if __name__ == '__main__':
    arguments = parse_args()
    sys.exit(run_readably(lambda: main(arguments), arguments.traceback))

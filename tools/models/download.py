"""Download published weights by their name in the model zoo (model_zoo.md), and check them.

python tools/models/download.py stage3_wlasl_pose [--out FOLDER] [--offline]
"""

import argparse
import sys

from unisign.checkpoints import fetch_weights, zoo_models
from unisign.engine.launch import run_readably
from unisign.engine.published_layout import check_published


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Published weights by their name in the model zoo, checked.')
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument('name', nargs='?', help='name in the model zoo, such as stage3_wlasl_pose')
    what.add_argument('--list', action='store_true', help='print the names, with their files on the hub')
    parser.add_argument(
        '--out', metavar='FOLDER', help='where the file should lie (default: the cache, where it is found by name)'
    )
    parser.add_argument('--offline', action='store_true', help='do not use the network, only what is there')
    parser.add_argument('--file', metavar='FILE_ON_THE_HUB', help="its name on the hub, should the zoo's be wrong")
    parser.add_argument('--traceback', action='store_true', help='show the traceback of errors about files')
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    """Download, check, and print the file's path; or print the list."""
    if args.list:
        for name, model in zoo_models().items():
            print(f'{name:32} {model.weights.url if model.weights else "no weights known"}')
        return
    path = fetch_weights(args.name, args.out, args.offline, args.file)
    tensors = check_published(path)
    print(f'{tensors} tensors, all names and shapes those of the published model', file=sys.stderr)
    print(path)


if __name__ == '__main__':
    arguments = parse_args()
    sys.exit(run_readably(lambda: main(arguments), arguments.traceback))

"""Print the parameters of the models of configs, part by part, in millions; no weights are read or fetched.

python tools/analysis/count_parameters.py CONFIG [CONFIG ..]
"""

import argparse
import sys

from mmengine.config import DictAction

from unisign.analysis.parameter_count import count_parameters, size_table
from unisign.engine.launch import run_readably


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('configs', nargs='+', metavar='CONFIG', help='config files')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, help='change entries: key=value ..')
    parser.add_argument('--traceback', action='store_true', help='show the traceback of errors about configs')
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    """Print a table a config."""
    for i, config in enumerate(args.configs):
        print(('\n' if i else '') + f'{config}\n{size_table(count_parameters(config, args.cfg_options))}')


if __name__ == '__main__':
    arguments = parse_args()
    sys.exit(run_readably(lambda: main(arguments), arguments.traceback))

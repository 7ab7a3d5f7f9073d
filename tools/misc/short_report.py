"""Print a short report of prediction files: scores, and a few answers beside their references."""

import argparse
import sys

from unisign.analysis.short_report import short_report
from unisign.structures import DataError


def main() -> int:
    """Read the arguments and print the report; errors go to stderr, with exit status 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('predictions', nargs='+', metavar='PREDS.jsonl', help='files written by tools/test.py --out')
    parser.add_argument('--examples', type=int, default=6, help='answers to show of each file')
    args = parser.parse_args()
    try:
        print(short_report(args.predictions, args.examples))
    except DataError as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())

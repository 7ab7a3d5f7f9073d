"""Compare two systems on the same clips: paired bootstrap, randomisation, and the clips that changed most.

python tools/analysis/compare_predictions.py A.jsonl B.jsonl
"""

import argparse

from unisign.analysis.compare_predictions import compare_predictions, describe_comparison, write_comparison
from unisign.analysis.predictions_file import TASKS
from unisign.structures import DataError


def main() -> None:
    """Read the arguments, print the comparison, write it on demand."""
    parser = argparse.ArgumentParser(description='Is B better than A on the same clips, or was it chance?')
    parser.add_argument('a', metavar='A.jsonl', help='predictions of one system')
    parser.add_argument('b', metavar='B.jsonl', help='predictions of the other, for the same clips')
    parser.add_argument('--task', choices=TASKS, help='default: the task that the files name')
    parser.add_argument('--lang', help='language of the texts, e.g. zh or en; default: as each prediction names it')
    parser.add_argument('--scores', nargs='+', default=(), help='default: the main ones of the task')
    parser.add_argument('--resamples', type=int, default=1000, help='of both tests (default: 1000)')
    parser.add_argument('--seed', type=int, default=12345, help='of both tests (default: 12345)')
    parser.add_argument('--rows', type=int, default=8, help='clips to print that B answers better, and worse')
    parser.add_argument('--width', type=int, default=34, help='columns of a printed text (default: 34)')
    parser.add_argument('--out', metavar='FILE.json', help='write the comparison, with every clip that changed')
    args = parser.parse_args()
    try:
        report = compare_predictions(args.a, args.b, args.task, args.lang, args.scores, args.resamples, args.seed)
        print(describe_comparison(report, args.rows, args.width))
        if args.out:
            print(f'\nWritten: {write_comparison(report, args.out)}')
    except DataError as error:
        raise SystemExit(f'error: {error}') from error


if __name__ == '__main__':
    main()

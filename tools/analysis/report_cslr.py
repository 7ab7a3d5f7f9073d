"""Continuous recognition word by word: aligned listing, substitutions, deletions and insertions of each gloss.

python tools/analysis/report_cslr.py PREDS.jsonl --out work_dirs/report
"""

import argparse

from unisign.analysis.cslr_report import ALIGNMENTS, describe_cslr, report_cslr, write_cslr
from unisign.analysis.predictions_file import read_task_predictions
from unisign.structures import DataError


def main() -> None:
    """Read the arguments, print the report, write its files."""
    parser = argparse.ArgumentParser(description='Continuous recognition word by word.')
    parser.add_argument('predictions', metavar='PREDS.jsonl', help='as tools/test.py --out writes it')
    parser.add_argument('--out', metavar='DIR', help='write alignments.txt (all clips), tables as CSV, report.json')
    parser.add_argument(
        '--alignment', choices=tuple(ALIGNMENTS), default='jiwer',
        help='jiwer: the fewest errors (default); published: costs 3/3/4, as behind published WERs',
    )  # fmt: skip
    parser.add_argument('--rows', type=int, default=20, help='rows of each printed table (default: 20)')
    parser.add_argument('--examples', type=int, default=10, help='clips to print aligned (default: 10)')
    parser.add_argument('--width', type=int, default=100, help='columns of the terminal (default: 100)')
    args = parser.parse_args()
    try:
        _, clips = read_task_predictions(args.predictions, 'cslr')
        report = report_cslr(clips, args.alignment, args.predictions)
        print(describe_cslr(report, args.rows, args.examples, args.width))
        if args.out:
            print(f'\nWritten: {", ".join(map(str, write_cslr(report, args.out)))}')
    except DataError as error:
        raise SystemExit(f'error: {error}') from error


if __name__ == '__main__':
    main()

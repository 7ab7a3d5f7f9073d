"""Isolated recognition class by class: accuracies, confusions, a picture of the confusion matrix.

python tools/analysis/report_islr.py PREDS.jsonl --out work_dirs/report
"""

import argparse
from pathlib import Path

from unisign.analysis.confusion_picture import draw_confusions
from unisign.analysis.islr_report import describe_islr, report_islr, write_islr
from unisign.analysis.predictions_file import read_task_predictions
from unisign.structures import DataError


def main() -> None:
    """Read the arguments, print the report, write its files."""
    parser = argparse.ArgumentParser(description='Isolated recognition class by class.')
    parser.add_argument('predictions', metavar='PREDS.jsonl', help='as tools/test.py --out writes it')
    parser.add_argument('--out', metavar='DIR', help='write classes.csv, confusions.csv, report.json, confusion.png')
    parser.add_argument('--rows', type=int, default=20, help='rows of each printed table (default: 20)')
    parser.add_argument('--format', choices=('png', 'svg', 'none'), default='png', help='of the confusion matrix')
    parser.add_argument('--max-classes', type=int, default=50, help='of more, draw the most confused (default: 50)')
    parser.add_argument('--font', help='font file for the picture, if no installed one has the characters')
    args = parser.parse_args()
    try:
        _, clips = read_task_predictions(args.predictions, 'islr')
        report = report_islr(clips, args.predictions)
        print(describe_islr(report, args.rows))
        if args.out:
            files = write_islr(report, args.out)
            if args.format != 'none':
                picture = Path(args.out) / f'confusion.{args.format}'
                files.append(draw_confusions(report, picture, args.max_classes, args.font))
            print(f'\nWritten: {", ".join(map(str, files))}')
    except DataError as error:
        raise SystemExit(f'error: {error}') from error


if __name__ == '__main__':
    main()

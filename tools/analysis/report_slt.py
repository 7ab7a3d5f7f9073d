"""Translation sentence by sentence: BLEU and ROUGE-L of each, lengths, how much of the references is found.

python tools/analysis/report_slt.py PREDS.jsonl --out work_dirs/report
"""

import argparse

from unisign.analysis.predictions_file import read_task_predictions
from unisign.analysis.slt_report import report_slt
from unisign.analysis.slt_report_text import describe_slt, write_slt
from unisign.structures import DataError


def main() -> None:
    """Read the arguments, print the report, write its files."""
    parser = argparse.ArgumentParser(description='Translation sentence by sentence.')
    parser.add_argument('predictions', metavar='PREDS.jsonl', help='as tools/test.py --out writes it')
    parser.add_argument('--lang', help='language of the texts, e.g. zh or en; default: as each prediction names it')
    parser.add_argument('--out', metavar='DIR', help='write sentences.csv (all sentences) and report.json')
    parser.add_argument('--rows', type=int, default=5, help='worst and best sentences to print (default: 5 each)')
    parser.add_argument('--width', type=int, default=46, help='columns of a printed text (default: 46)')
    args = parser.parse_args()
    try:
        _, clips = read_task_predictions(args.predictions, 'slt')
        report = report_slt(clips, args.lang, args.predictions)
        print(describe_slt(report, args.rows, args.width))
        if args.out:
            print(f'\nWritten: {", ".join(map(str, write_slt(report, args.out)))}')
    except DataError as error:
        raise SystemExit(f'error: {error}') from error


if __name__ == '__main__':
    main()

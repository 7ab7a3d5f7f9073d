"""Print every score of a predictions file as one JSON object.

python tools/analysis/score_text.py --task slt --lang zh PREDS.jsonl
"""

import argparse
import json
import sys

from unisign.analysis.predictions_file import TASKS
from unisign.analysis.score_text import score_predictions_file
from unisign.structures import DataError


def main() -> int:
    """Read the arguments, score the file; errors go to stderr, with exit status 1."""
    parser = argparse.ArgumentParser(description='Every score of a predictions file, from text alone.')
    parser.add_argument('predictions', metavar='PREDS.jsonl', help='JSON Lines with "id", "pred", "ref" (and "nbest")')
    parser.add_argument('--task', choices=TASKS, help='default: the task that the predictions name')
    parser.add_argument('--lang', help='language of the texts, e.g. zh or en; default: as each prediction names it')
    args = parser.parse_args()
    try:
        scores = score_predictions_file(args.predictions, args.task, args.lang)
    except DataError as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    print(json.dumps(scores, indent=1))
    return 0


if __name__ == '__main__':
    sys.exit(main())

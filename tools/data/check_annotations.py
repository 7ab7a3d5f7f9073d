"""Say what is wrong or remarkable in annotations: before the first training, and after each conversion.

Example: ``python tools/data/check_annotations.py data/csl-daily/annotations/train.jsonl
data/csl-daily/annotations/dev.jsonl --data-root data/csl-daily``. Leaves with 1 if a clip cannot be used as it is.
"""

import argparse

from unisign.datasets.annotation_check import check_annotations
from unisign.datasets.annotation_report import describe_check


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('annotations', nargs='+', help='annotation files; what they share is reported too')
    parser.add_argument('--data-root', default='', help='where poses and videos lie, if not beside the annotations')
    parser.add_argument('--min-frames', type=int, default=4, help='shorter clips are reported')
    parser.add_argument('--max-frames', type=int, default=3000, help='longer clips are reported')
    parser.add_argument('--read-poses', action='store_true', help='read every pose file to find damaged ones (slow)')
    parser.add_argument('--examples', type=int, default=5, help='how many clips of a kind are named')
    return parser.parse_args()


def main() -> None:
    """Check the files and print the report."""
    args = parse_args()
    try:
        checks, overlaps = check_annotations(
            args.annotations, args.data_root, args.min_frames, args.max_frames, args.read_poses
        )
    except ValueError as error:
        raise SystemExit(f'error: {error}') from error
    print(describe_check(checks, overlaps, args.examples))
    if any(check.has_faults for check in checks):
        raise SystemExit(1)


if __name__ == '__main__':
    main()

"""Leave out the clips whose YouTube videos another corpus has too.

Example: before training on YouTube-ASL and testing on OpenASL, ``python tools/data/filter_overlap.py
data/youtube-asl/annotations/train.jsonl data/openasl/annotations/dev.jsonl data/openasl/annotations/test.jsonl
--out data/youtube-asl/annotations/train_no-openasl.jsonl``.
"""

import argparse

from unisign.datasets.overlap_filter import filter_overlap
from unisign.structures import DataError


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('annotations', help='annotation file to take clips out of')
    parser.add_argument('others', nargs='+', help='annotation files whose videos must not be in it')
    parser.add_argument('--out', required=True, help='annotation file to write, in the same folder')
    return parser.parse_args()


def main() -> None:
    """Filter the file and say how many clips went."""
    args = parse_args()
    try:
        kept, dropped = filter_overlap(args.annotations, args.others, args.out)
    except DataError as error:
        raise SystemExit(f'error: {error}') from error
    print(f'{args.out}: {kept} clips; {dropped} left out, their videos are in the other corpora')


if __name__ == '__main__':
    main()

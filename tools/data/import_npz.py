"""Turn one .npz of clips into annotations, a packed pose store and a list of labels.

Example: ``python tools/data/import_npz.py my_signs/train.npz data/my_signs`` writes ``data/my_signs/train.jsonl``,
``train.lmdb`` and ``train_labels.txt``. The arrays are described in docs/data_format.md.
"""

import argparse

from unisign.datasets.array_import import import_arrays
from unisign.structures import DataError


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('npz', help='keypoints [N, T, 133, 2], scores [N, T, 133], label [N]; see docs/data_format.md')
    parser.add_argument('out', help='folder to write to')
    parser.add_argument('--task', choices=('islr', 'cslr', 'slt'), default='islr', help='what the labels are')
    parser.add_argument('--lang', default='en', help='language of the labels')
    parser.add_argument('--frame-rate', type=float, help='frames per second, if known')
    parser.add_argument(
        '--max-failed-share', type=float, default=0.01, help='write the rest if at most this share of clips is bad'
    )
    return parser.parse_args()


def main() -> None:
    """Import the file and say what was written."""
    args = parse_args()
    try:
        report = import_arrays(args.npz, args.out, args.task, args.lang, args.frame_rate, args.max_failed_share)
    except DataError as error:
        raise SystemExit(f'error: {error}') from error
    for failure in report.failed:
        print(f'left out: {failure}')
    print(
        f'{report.clips} clips, {report.frames} frames, {report.texts} different labels, '
        f'{report.signers or "unknown"} signers\n'
        f'{report.annotations}\n{report.store} ({report.store.stat().st_size / 1e6:.1f} MB)\n{report.labels}'
    )


if __name__ == '__main__':
    main()

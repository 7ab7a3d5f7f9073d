"""Pack the poses of annotation files into one store, made for random access by many workers.

Example: ``python tools/data/pack_poses.py data/csl/train.jsonl data/csl/dev.jsonl data/csl/poses.lmdb --dtype float16
--points used --annotations data/csl/packed`` writes the store, and annotations in ``data/csl/packed`` that point to it.
"""

import argparse

from tqdm import tqdm

from unisign.datasets.packing import pack_poses
from unisign.datasets.packing_command import packing_parser, run_packing


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = packing_parser(__doc__, annotations='annotations that name the poses')
    parser.add_argument('--dtype', choices=('float32', 'float16'), default='float32', help='float16: half the size')
    parser.add_argument('--points', choices=('all', 'used'), default='all', help='used: only the 69 the model reads')
    parser.add_argument('--annotations', metavar='DIR', help='write annotations that point to the store to this folder')
    return parser.parse_args()


def main() -> None:
    """Pack, and say what was written."""
    args = parse_args()
    report = run_packing(
        lambda: pack_poses(
            args.annotation_files,
            args.out,
            dtype=args.dtype,
            used_points_only=args.points == 'used',
            workers=args.workers,
            data_root=args.data_root,
            annotations_dir=args.annotations,
            max_failed_share=args.max_failed_share,
            progress=lambda clips: tqdm(clips, unit=' clips', desc=f'packing {args.out.name}'),
        ),
        args.out,
    )
    print(f'{args.out}: {report.clips} clips, {report.frames} frames, {args.out.stat().st_size / 1e6:.1f} MB')
    for path in report.annotations:
        print(path)


if __name__ == '__main__':
    main()

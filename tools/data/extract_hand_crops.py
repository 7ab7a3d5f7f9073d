"""Pack windows around the hands, so that training with RGB need not open videos.

Example: ``python tools/data/extract_hand_crops.py data/toy/annotations/slt_train.jsonl data/toy/hands.lmdb``, then
``dict(type='LoadHandCrops', windows='data/toy/hands.lmdb')`` in the pipeline. Interrupted, the same command goes on
where it was. Clips that cannot be read are named and passed. See docs/hand_crops.md.
"""

import argparse

from tqdm import tqdm

from unisign.datasets.frame_mapping import ALIGNMENTS
from unisign.datasets.packing_command import packing_parser, run_packing
from unisign.datasets.window_packing import pack_hand_windows
from unisign.stores.window_format import CODINGS


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = packing_parser(__doc__, annotations='annotations with poses and videos')
    parser.add_argument('--coding', choices=CODINGS, default='webp', help='webp, png: lossless; jpeg: smaller; raw: read fastest')
    parser.add_argument('--scale', type=float, default=1.2, help='largest side of boxes over the extent of a hand')
    parser.add_argument('--score-threshold', type=float, default=0.3, help='mean score of a hand that counts as seen')
    parser.add_argument('--align', choices=ALIGNMENTS, default='time', help='how poses and video frames correspond')
    parser.add_argument('--reader', default='VideoFiles', help='type of the video reader')
    return parser.parse_args()


def main() -> None:
    """Pack, and say what was written."""
    args = parse_args()
    report = run_packing(
        lambda: pack_hand_windows(
            args.annotation_files,
            args.out,
            coding=args.coding,
            scale=args.scale,
            score_threshold=args.score_threshold,
            align=args.align,
            reader={'type': args.reader},
            workers=args.workers,
            data_root=args.data_root,
            max_failed_share=args.max_failed_share,
            progress=lambda clips, left: tqdm(clips, total=left, unit=' clips', desc=f'packing {args.out.name}'),
        ),
        args.out,
    )
    size = args.out.stat().st_size
    print(f'{args.out}: {report.clips} clips, {report.frames} windows, {size / 1e6:.1f} MB', end='')
    print(f', {size / max(report.clips, 1) / 1e3:.0f} kB a clip')


if __name__ == '__main__':
    main()

"""Print how well signing is found in long videos joined from clips of the toy corpus (docs/long_videos.md).

The clips are made anew from the corpus's seed; nothing need be on the disk. Thresholds were chosen on clips of training
signers (``--split train``); what is reported are test signers. Exit code 1: an F1 is below ``--least``.
"""

import argparse
import sys
from itertools import product
from pathlib import Path

from unisign.pose import resample
from unisign.segmentation import SegmentScores
from unisign.toy.detector import DETECTORS
from unisign.toy.joined import KINDS, NO_REST, choose_clips, join_clips, score_joined, write_joined
from unisign.toy.splits import SIZES, plan_corpus


def parse_args() -> argparse.Namespace:
    """Return the command line's arguments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--split', choices=['train', 'dev', 'test'], default='test')
    parser.add_argument('--kinds', nargs='+', choices=list(KINDS), default=list(KINDS), help='what is joined')
    parser.add_argument('--videos', type=int, default=10, help='of each kind')
    parser.add_argument('--clips', type=int, default=8, help='in each video')
    parser.add_argument('--rest', type=float, nargs=2, default=(0.5, 2.0), help='shortest and longest rest, seconds')
    parser.add_argument('--rates', type=float, nargs='+', default=(15, 25, 50), help='frames per second')
    parser.add_argument('--overlap', type=float, default=0.5, help='intersection over union of a match')
    parser.add_argument('--detector', choices=list(DETECTORS), default='usual', help='what finds the keypoints')
    parser.add_argument('--seed', type=int, default=42, help='of the choice of clips')
    parser.add_argument('--least', type=float, default=0.8)
    parser.add_argument('--out', type=Path, help='folder for poses, videos and true times of the first kind')
    return parser.parse_args()


def main(args: argparse.Namespace) -> int:
    """Join, find, score and print; return how many figures are below the least."""
    plans, below = plan_corpus(SIZES['full'], 42), 0
    print(f'{args.split} signers, {args.videos} videos of {args.clips} clips, overlap {args.overlap:g}')
    print('clips      rest       frames/s     F1  precision  recall  (matched, found, true)')
    for kind, rest in product(args.kinds, dict.fromkeys([NO_REST, tuple(args.rest)])):
        chosen = choose_clips(plans, args.split, kind, args.videos, args.clips, args.seed)
        named = [(f'{kind}-{args.split}-{rest[1]:g}-{index:02d}', clips) for index, clips in enumerate(chosen)]
        videos = [join_clips(name, clips, rest, detector=args.detector) for name, clips in named]
        for rate in args.rates:
            total = SegmentScores()
            for video in videos:
                total += score_joined(video, resample(video.poses, rate), least_overlap=args.overlap)
            below += total.f1 < args.least
            rests = f'{rest[0]:g}-{rest[1]:g} s' if rest[1] else 'none'
            numbers = f'{total.f1:6.3f}  {total.precision:9.3f}  {total.recall:6.3f}'
            print(
                f'{kind:10} {rests:10} {rate:8g} {numbers}  ({total.matched}, {total.found}, {total.true})', flush=True
            )
        if args.out is not None and kind == args.kinds[0]:
            for video in videos:
                write_joined(video, args.out)
    return below


if __name__ == '__main__':
    sys.exit(min(main(parse_args()), 1))

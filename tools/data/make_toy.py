"""Make the toy corpus: a small made-up sign language (docs/toy_corpus.md)."""

import argparse
import os
from pathlib import Path

from unisign.toy import SIZES, make_toy_corpus
from unisign.toy.corpus import POSE_FORMATS, VIDEO_CHOICES
from unisign.toy.detector import DETECTORS


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('out', nargs='?', type=Path, default=Path('data/toy'), help='the folder to make (%(default)s)')
    parser.add_argument('--seed', type=int, default=42, help='the same seed gives the same poses and annotations')
    parser.add_argument('--size', choices=tuple(SIZES), default='full')
    parser.add_argument('--videos', choices=VIDEO_CHOICES, default='all', help='which splits get an mp4')
    parser.add_argument('--workers', type=int, default=os.cpu_count(), help='processes (all cores)')
    parser.add_argument('--pose-format', choices=POSE_FORMATS, default='packed')
    parser.add_argument('--detector', choices=tuple(DETECTORS), default='usual', help='what finds the keypoints')
    parser.add_argument('--margin', type=int, help='cut isolated clips to this many frames around the sign')
    return parser.parse_args()


def main() -> None:
    """Make what is missing of the corpus."""
    args = parse_args()
    out = make_toy_corpus(
        args.out,
        seed=args.seed,
        size=args.size,
        videos=args.videos,
        workers=args.workers,
        pose_format=args.pose_format,
        detector=args.detector,
        margin=args.margin,
        progress=True,
    )
    print(f'{out}: {sum(1 for _ in (out / "annotations").iterdir())} annotation files, see {out}/meta.json')


if __name__ == '__main__':
    main()

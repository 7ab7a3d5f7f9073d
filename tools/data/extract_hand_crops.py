"""Pack windows around the hands, so that training with RGB need not open videos.

Example: ``python tools/data/extract_hand_crops.py data/toy/annotations/slt_train.jsonl data/toy/hands.lmdb``, then
``dict(type='LoadHandCrops', windows='data/toy/hands.lmdb')`` in the pipeline. Interrupted, the same command goes on
where it was. Clips that cannot be read are named and passed. See docs/hand_crops.md.
"""

import argparse
import json
from pathlib import Path

from tqdm import tqdm

from unisign.datasets.frame_mapping import ALIGNMENTS
from unisign.datasets.packing import PackReport
from unisign.datasets.window_packing import pack_hand_windows
from unisign.stores.window_format import CODINGS
from unisign.structures import DataError


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('annotation_files', nargs='+', metavar='ANN.jsonl', help='annotations with poses and videos')
    parser.add_argument('out', metavar='OUT.lmdb', help='the store to write')
    parser.add_argument('--coding', choices=CODINGS, default='webp', help='webp, png: lossless; jpeg: smaller')
    parser.add_argument('--scale', type=float, default=1.2, help='largest side of boxes over the extent of a hand')
    parser.add_argument('--score-threshold', type=float, default=0.3, help='mean score of a hand that counts as seen')
    parser.add_argument('--align', choices=ALIGNMENTS, default='time', help='how poses and video frames correspond')
    parser.add_argument('--reader', default='VideoFiles', help='type of the video reader')
    parser.add_argument('--workers', type=int, default=2, help='reading processes; 0: none besides this one')
    parser.add_argument('--data-root', default='', help='where paths are looked up that are not beside the annotations')
    parser.add_argument('--max-failed-share', type=float, default=0.01, help='share of clips that may fail')
    return parser.parse_args()


def report_failures(report: PackReport, out: Path) -> None:
    """Name the clips that failed: a few on the screen, all in a file beside the store."""
    listing = out.with_name(out.name + '.failed.jsonl')
    if not report.failed:
        listing.unlink(missing_ok=True)  # an earlier run's
        return
    lines = (json.dumps({'id': clip, 'error': error}, ensure_ascii=False) for clip, error in report.failed.items())
    listing.write_text('\n'.join(lines) + '\n', encoding='utf-8')
    for clip_id, problem in list(report.failed.items())[:10]:
        print(f'left out: {clip_id}: {problem}')
    print(f'{len(report.failed)} clips were left out; all of them are named in {listing}')


def main() -> None:
    """Pack, and say what was written."""
    args = parse_args()
    out = Path(args.out)
    try:
        report = pack_hand_windows(
            args.annotation_files,
            out,
            coding=args.coding,
            scale=args.scale,
            score_threshold=args.score_threshold,
            align=args.align,
            reader={'type': args.reader},
            workers=args.workers,
            data_root=args.data_root,
            max_failed_share=args.max_failed_share,
            progress=lambda clips, left: tqdm(clips, total=left, unit=' clips', desc=f'packing {out.name}'),
        )
    except (DataError, KeyError) as error:
        raise SystemExit(f'error: {error}') from error
    report_failures(report, out)
    size = out.stat().st_size
    print(f'{out}: {report.clips} clips, {report.frames} windows, {size / 1e6:.1f} MB', end='')
    print(f', {size / max(report.clips, 1) / 1e3:.0f} kB a clip')


if __name__ == '__main__':
    main()

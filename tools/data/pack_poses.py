"""Pack the poses of annotation files into one store, made for random access by many workers.

Example: ``python tools/data/pack_poses.py data/csl/train.jsonl data/csl/dev.jsonl data/csl/poses.lmdb --dtype float16
--points used --annotations data/csl/packed`` writes the store, and annotations in ``data/csl/packed`` that point to it.
"""

import argparse
import json
from pathlib import Path

from tqdm import tqdm

from unisign.datasets.packing import PackReport, pack_poses
from unisign.structures import DataError


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('annotation_files', nargs='+', metavar='ANN.jsonl', help='annotations that name the poses')
    parser.add_argument('out', metavar='OUT.lmdb', help='the store to write')
    parser.add_argument('--dtype', choices=('float32', 'float16'), default='float32', help='float16: half the size')
    parser.add_argument('--points', choices=('all', 'used'), default='all', help='used: only the 69 the model reads')
    parser.add_argument('--workers', type=int, default=2, help='reading processes; 0: none besides this one')
    parser.add_argument('--data-root', default='', help='where paths are looked up that are not beside the annotations')
    parser.add_argument('--annotations', metavar='DIR', help='write annotations that point to the store to this folder')
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
        report = pack_poses(
            args.annotation_files,
            out,
            dtype=args.dtype,
            used_points_only=args.points == 'used',
            workers=args.workers,
            data_root=args.data_root,
            annotations_dir=args.annotations,
            max_failed_share=args.max_failed_share,
            progress=lambda clips: tqdm(clips, unit=' clips', desc=f'packing {out.name}'),
        )
    except DataError as error:
        raise SystemExit(f'error: {error}') from error
    report_failures(report, out)
    print(f'{out}: {report.clips} clips, {report.frames} frames, {out.stat().st_size / 1e6:.1f} MB')
    for path in report.annotations:
        print(path)


if __name__ == '__main__':
    main()

"""Estimate the keypoints of many videos.

Example: ``python tools/data/extract_poses.py data/csl/videos data/csl/poses --processes 4``. Start it again after it
was stopped in any way: what is finished is kept. Under ``torchrun``, ``srun`` and in a SLURM array each process takes
its share. OUT is a folder (``--files``), or a packed store if its name ends in .lmdb (docs/pose_extraction.md).
"""

import argparse
import json
import os
from pathlib import Path

from tqdm import tqdm

from unisign.pose import ClipFolder, extract, find_videos, pack_folder, share_of_process
from unisign.pose.build import SHORT_NAMES
from unisign.structures import DataError


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('videos', metavar='VIDEO_DIR|LIST', help='a folder, a list of paths, or annotations (.jsonl)')
    parser.add_argument('out', type=Path, metavar='OUT', help='a folder, or NAME.lmdb')
    parser.add_argument('--estimator', choices=sorted(SHORT_NAMES), default='mediapipe')
    parser.add_argument('--options', type=json.loads, default={}, help='arguments of the estimator, a JSON object')
    parser.add_argument('--files', choices=('npz', 'pickle'), default='npz', help='pickle: the published layout')
    parser.add_argument('--frame-rate', type=float, metavar='FPS', help="of the keypoints; default: the video's own")
    parser.add_argument('--processes', type=int, default=1, help='processes on this machine, each with an estimator')
    parser.add_argument('--device', help='such as cuda:0; chosen if not given')
    return parser.parse_args()


def main() -> None:
    """Extract, and say what was written."""
    args = parse_args()
    try:
        run(args)
    except (DataError, ImportError, ValueError, TypeError) as error:
        raise SystemExit(f'error: {error}') from error


def run(args: argparse.Namespace) -> None:
    """Extract this process's share."""
    share, videos = share_of_process(os.environ), find_videos(args.videos)
    packed = args.out.suffix == '.lmdb'
    folder = args.out.with_name(args.out.name + '.clips') if packed else args.out
    clips, own = ClipFolder(folder, 'npz' if packed else args.files), share.of(videos)
    done = sum(clips.path(video.id).exists() for video in own)
    estimator = {'type': SHORT_NAMES[args.estimator], **args.options}
    frames, failed = 0, []
    with tqdm(total=len(own), initial=done, unit=' clips', desc=f'share {share.index + 1}/{share.count}') as bar:
        for result in extract(own, clips, estimator, args.device, max(args.processes, 1), args.frame_rate):
            frames += result.frames
            if result.error:
                failed.append(result)
                bar.write(f'left out: {result.id}: {result.error}')
            if result.note:
                bar.write(f'note: {result.id}: {result.note}')
            bar.update()
            bar.set_postfix_str(f'{frames / max(bar.format_dict["elapsed"], 1e-9):.1f} frames/s', refresh=False)
    listing = folder / f'failed_{share.index}_of_{share.count}.jsonl'
    listing.unlink(missing_ok=True)
    if failed:
        lines = (json.dumps({'id': result.id, 'error': result.error}, ensure_ascii=False) for result in failed)
        listing.write_text('\n'.join(lines) + '\n', encoding='utf-8')
    print(f'{folder}: {len(own) - len(failed)} of {len(own)} clips, {done} of them from before, {len(failed)} left out')
    if packed and share.count == 1:
        count = pack_folder(clips, [video.id for video in videos], args.out)
        print(f'{args.out}: {count} clips; {folder} is no longer needed')
    elif packed:
        print(f'when all shares are done, start once without torchrun or SLURM: that packs {args.out}')


if __name__ == '__main__':
    main()

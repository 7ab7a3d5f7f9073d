"""Time the way of a clip from the disk to the batch: packed store and one pass, against pickles and loops over frames.

Example: ``python tools/benchmarks/bench_data_path.py``. Both sides read the same made-up clips, without augmentation,
and pad them to the batch's longest; ours through the dataset, pipeline and collate function of the configs. One
thread, warm file cache; each side runs in a process of its own, in turns. Also given: what one data worker delivers a
second, against what a GPU would have to take to wait for it, and the most memory that the process holds above what it
held before the first batch.
"""

import argparse
import json
import pickle
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from baseline.data_path import collate, read_clip
from side_by_side import (
    add_options,
    alternate,
    forget_peak,
    peak_bytes,
    print_measurement,
    report,
    resident_bytes,
    seconds,
)

from unisign.datasets import SignDataset, sign_collate
from unisign.stores import USED_POINTS, PackedPoseWriter
from unisign.structures import Poses

UNITS = {
    'ms a clip': 'ms',
    'clips a second': 'of one worker (more is better)',
    'kB a clip': 'kB on the disk',
    'memory of a batch': 'MiB',
}
PIPELINE = [
    dict(type='LoadPoses'),
    dict(type='SampleFrames', sampler=dict(type='EvenFrameSampler'), max_frames=256),
    dict(type='NormalizeParts'),
    dict(type='PackSignInputs'),
]


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--clips', type=int, default=64, help='clips on the disk')
    parser.add_argument('--batch', type=int, default=16, help='clips in a batch')
    parser.add_argument('--frames', type=int, default=256, help='longest clip; the shortest has half as many')
    parser.add_argument('--dtype', choices=('float16', 'float32'), default='float16', help='of the packed store')
    add_options(parser, threads=1)
    return parser.parse_args()


def make_clips(count: int, frames: int) -> list[Poses]:
    """Return made-up clips of frames / 2 to ``frames`` frames."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(frames // 2, frames + 1, count)
    return [Poses(rng.random((n, 133, 2), np.float32), rng.random((n, 133), np.float32), (640, 480)) for n in lengths]


def our_batches(folder: Path, clips: list[Poses], args: argparse.Namespace) -> Callable[[int], Any]:
    """Write the packed store; return what gives batch number i."""
    store = folder / 'poses.lmdb'
    with PackedPoseWriter(store, args.dtype, USED_POINTS) as writer:
        for i, poses in enumerate(clips):
            writer.write(str(i), poses)
    lines = [dict(id=str(i), poses=f'poses.lmdb#{i}', text='hello', lang='en') for i in range(len(clips))]
    (folder / 'train.jsonl').write_text(''.join(json.dumps(line) + '\n' for line in lines))
    dataset = SignDataset(str(folder / 'train.jsonl'), 'slt', PIPELINE)
    return lambda i: sign_collate([dataset[j] for j in places(i, args)])


def baseline_batches(folder: Path, clips: list[Poses], args: argparse.Namespace) -> Callable[[int], Any]:
    """Write published pickles; return what gives batch number i."""
    for i, poses in enumerate(clips):
        # As published: lists with one array a frame, coordinates in float64.
        content = dict(keypoints=list(poses.keypoints[:, None].astype(np.float64)), scores=list(poses.scores[:, None]))
        (folder / f'{i}.pkl').write_bytes(pickle.dumps(content, protocol=4))
    lengths = [len(poses.keypoints) for poses in clips]
    return lambda i: collate([read_clip(folder / f'{j}.pkl', range(lengths[j])) for j in places(i, args)])


def places(batch: int, args: argparse.Namespace) -> list[int]:
    """Return the clips of a batch."""
    return [(batch * args.batch + j) % args.clips for j in range(args.batch)]


def measure(args: argparse.Namespace) -> None:
    """Measure one side."""
    torch.set_num_threads(args.threads)
    clips = make_clips(args.clips, args.frames)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        batch = (our_batches if args.side == 'ours' else baseline_batches)(folder, clips, args)
        size = sum(file.stat().st_size for file in folder.glob('*.lmdb' if args.side == 'ours' else '*.pkl'))
        del clips
        forget_peak()
        before, numbers = resident_bytes(), iter(range(10**6))
        duration = seconds(lambda: batch(next(numbers)), count=20, warm_up=4)
        memory = (peak_bytes() - before) / 2**20
    per_clip = duration / args.batch
    figures = {'ms a clip': 1e3 * per_clip, 'clips a second': 1 / per_clip, 'kB a clip': size / args.clips / 1e3}
    print_measurement(**figures, **{'memory of a batch': memory})


def main() -> None:
    """Run the command line."""
    args = parse_args()
    if args.side:
        measure(args)
        return
    title = f'data path, {args.batch} clips of {args.frames // 2} to {args.frames} frames, packed as {args.dtype}'
    report(title, alternate(args), UNITS, args)


if __name__ == '__main__':
    main()

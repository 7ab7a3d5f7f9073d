"""Time the reading of a few frames of a video, as pictures of the hands are read, against decord's random access.

Example: ``UNISIGN_SHARED=../shared python tools/benchmarks/bench_sparse_reads.py``. The videos are those of
``bench_video_readers.py``, which compares more ways to read. The baseline is the published code's call,
``decord.VideoReader(..).get_batch(..)``, which opens the video each time and gives wrong frames of some; how many is
counted against decoding in order. One decoding thread, warm file cache; each side runs in a process of its own, in
turns. Memory is the most that the process holds above what it held before the first read.
"""

import argparse
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from bench_video_readers import accuracy, all_frames, asked, decord_random_access, sample_videos
from side_by_side import (
    add_options,
    alternate,
    forget_peak,
    peak_bytes,
    print_measurement,
    report,
    resident_bytes,
)

from unisign.registry import VIDEO_READERS

READ, WRONG, MEMORY = 'ms a read', 'wrong frames', 'memory of a read'
UNITS = {READ: 'ms', WRONG: '', MEMORY: 'MiB'}


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('videos', nargs='*', type=Path, help='videos; default: see above')
    parser.add_argument('--reads', type=int, default=10, help='reads of each video')
    parser.add_argument('--ratio', type=float, default=0.1, help='share of the frames asked for')
    add_options(parser, threads=1)
    return parser.parse_args()


def measure(args: argparse.Namespace) -> None:
    """Measure one side."""
    read = VIDEO_READERS.build(dict(type='VideoFiles')).read if args.side == 'ours' else decord_random_access
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, path in sample_videos(args.videos, Path(folder)).items():
            truth = all_frames(path)
            count, times = len(truth), []
            wrong, *_ = accuracy(read, path, truth, args.reads, args.ratio)
            del truth
            forget_peak()
            before = resident_bytes()
            for seed in range(args.reads):
                indices = asked(count, args.ratio, seed)
                begin = time.perf_counter()
                read(path, indices)
                times.append(time.perf_counter() - begin)
            memory = (peak_bytes() - before) / 2**20
            found = {READ: 1e3 * float(np.median(times)), WRONG: int(wrong), MEMORY: memory}
            figures |= {f'{name}: {figure}': value for figure, value in found.items()}
    print_measurement(**figures)


def main() -> None:
    """Run the command line."""
    args = parse_args()
    if args.side:
        measure(args)
        return
    if find_spec('decord') is None:
        sys.exit('the baseline needs decord: pip install decord==0.6.0 (wheels for x86-64 only)')
    medians = alternate(args)
    units = {figure: UNITS[figure.rpartition(': ')[2]] for figure in medians['ours']}
    report(f'a read: {args.ratio:.0%} of the frames of a video', medians, units, args)


if __name__ == '__main__':
    main()

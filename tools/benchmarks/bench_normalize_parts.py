"""Time part normalisation against a literal loop over the frames, in the same run, on one core.

Example: ``python tools/benchmarks/bench_normalize_parts.py``. Prints both medians and their ratio; exits with 1 if ours
is less than ``--at-least`` times as fast, or the results differ.
"""

import argparse
import os
import time
from collections.abc import Callable

os.environ.setdefault('OMP_NUM_THREADS', '1')

import numpy as np
from baseline.normalize_parts import normalize_parts_per_frame

from unisign.datasets.transforms.part_normalization import normalize_parts


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--frames', type=int, default=256, help='frames of the clip')
    parser.add_argument('--rounds', type=int, default=101, help='how often each is timed, in turns')
    parser.add_argument('--at-least', type=float, default=10.0, help='the ratio asked for')
    return parser.parse_args()


def make_clip(frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Return keypoints [T, 133, 2] and scores [T, 133] of a made-up clip, a few points in ten below the threshold."""
    rng = np.random.default_rng(0)
    keypoints = 0.5 + 0.15 * rng.standard_normal((frames, 133, 2))
    return keypoints.astype(np.float32), rng.uniform(0, 1.1, (frames, 133)).astype(np.float32)


def timed(function: Callable[..., object], *args: object) -> float:
    """Return how many seconds one call takes."""
    begin = time.perf_counter()
    function(*args)
    return time.perf_counter() - begin


def main() -> None:
    """Compare results, then time in turns, so that whatever else the machine does hits both."""
    args = parse_args()
    if hasattr(os, 'sched_setaffinity'):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    clip = make_clip(args.frames)
    ours, loop = normalize_parts(*clip), normalize_parts_per_frame(*clip)
    difference = max(float(np.abs(ours[name] - loop[name]).max()) for name in loop)
    times = np.array(
        [(timed(normalize_parts, *clip), timed(normalize_parts_per_frame, *clip)) for _ in range(args.rounds)]
    )
    median_ours, median_loop = np.median(times, axis=0)
    ratio = median_loop / median_ours
    print(f'{args.frames} frames, one core, median of {args.rounds} interleaved rounds')
    print(f'ours       {1e3 * median_ours:8.3f} ms')
    print(f'baseline   {1e3 * median_loop:8.3f} ms   (loop over the frames)')
    print(f'ratio      {ratio:8.1f}   (largest difference {difference:.1e})')
    if ratio < args.at_least or difference > 1e-5:
        raise SystemExit(1)


if __name__ == '__main__':
    main()

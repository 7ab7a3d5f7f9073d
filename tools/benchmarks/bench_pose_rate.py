"""Measure how many frames of a video an estimator takes a second, and what a large corpus costs at that rate.

Example: ``python tools/benchmarks/bench_pose_rate.py clip.mp4 --processes 1 2``. On a machine with a GPU: ``python
tools/benchmarks/bench_pose_rate.py clip.mp4 --estimator mmpose --device cuda:0 --repeats 10``. Decoding,
detection and estimation are in it; loading the models and a first pass over the video are not. Printed in Markdown:
frames a second of all processes together, processor time of a frame (which other work on the machine changes least),
and for ``--frames`` frames (default: CSL-News, 1,985 hours) the hours on 1 and on 8 such machines or GPUs.
"""

import argparse
import json
import multiprocessing
import threading
import time
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from unisign.pose import build_estimator, poses_of_video
from unisign.pose.build import SHORT_NAMES
from unisign.structures.keypoint_layout import LEFT_HAND_START, RIGHT_HAND_START

CSL_NEWS = 180_000_000
PATIENCE = 3600  # seconds


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('video', type=Path)
    parser.add_argument('--estimator', choices=sorted(SHORT_NAMES), default='mediapipe')
    parser.add_argument('--options', type=json.loads, default={}, help='arguments of the estimator, a JSON object')
    parser.add_argument('--device', help='such as cuda:0; chosen if not given')
    parser.add_argument('--processes', type=int, nargs='+', default=[1], help='numbers to try')
    parser.add_argument('--repeats', type=int, default=1, help='how often each process takes the video')
    parser.add_argument('--frames', type=int, default=CSL_NEWS, help='of the corpus')
    return parser.parse_args()


def main() -> None:
    """Print the table."""
    args = parse_args()
    config = {'type': SHORT_NAMES[args.estimator], **args.options}
    rows = [(count, *measure(args.video, config, args.device, count, args.repeats)) for count in args.processes]
    left, right = rows[0][-1]
    print(f'{args.estimator} on {args.video.name}: frames with the left hand {left:.0%}, with the right {right:.0%}\n')
    print(f'| processes | frames/s | processor time of a frame | hours for {args.frames:,} frames on 1 | on 8 |')
    print('|---|---|---|---|---|')
    for count, rate, seconds, _ in rows:
        hours = args.frames / rate / 3600
        print(f'| {count} | {rate:.1f} | {1000 * seconds:.0f} ms | {hours:,.0f} | {hours / 8:,.0f} |')
    core_hours = args.frames * rows[0][2] / 3600
    print(f'\nBy processor time: {core_hours:,.0f} core-hours')


def measure(
    video: Path, config: dict[str, Any], device: str | None, count: int, repeats: int
) -> tuple[float, float, tuple[float, float]]:
    """Return frames per second, processor seconds per frame, and the shares of frames with either hand.

    Args:
        video: the file.
        config: of the estimator.
        device: where it runs.
        count: processes that work at the same time.
        repeats: how often each takes the video.
    """
    context = multiprocessing.get_context('spawn')
    results, barrier = context.Queue(), context.Barrier(count)
    work = (video, config, device, repeats, barrier, results)
    processes = [context.Process(target=_work, args=work, daemon=True) for _ in range(count)]
    for process in processes:
        process.start()
    done = [results.get(timeout=PATIENCE) for _ in processes]
    for process in processes:
        process.join()
    begins, ends, frames, seconds, hands = zip(*done, strict=True)
    return sum(frames) / (max(ends) - min(begins)), sum(seconds) / sum(frames), hands[0]


def _work(
    video: Path, config: dict[str, Any], device: str | None, repeats: int, barrier: Barrier, results: Queue
) -> None:
    estimator = build_estimator(config, device)
    poses = poses_of_video(estimator, video)
    try:
        barrier.wait(PATIENCE)
    except threading.BrokenBarrierError:  # another process ended: its error is on the screen
        return
    begin, own = time.monotonic(), time.process_time()
    for _ in range(repeats):
        poses = poses_of_video(estimator, video)
    hands = tuple(float((poses.scores[:, start] > 0).mean()) for start in (LEFT_HAND_START, RIGHT_HAND_START))
    results.put((begin, time.monotonic(), repeats * len(poses), time.process_time() - own, hands))


if __name__ == '__main__':
    main()

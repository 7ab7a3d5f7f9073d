"""Time random reads of clips from published pickles, .npz files and packed stores.

Example: ``python tools/benchmarks/bench_pose_stores.py``. Makes the clips itself in a temporary folder and prints a
table in Markdown: bytes a clip, processor time of a read (which other work on the machine changes least), and clips
read a second by one and by several processes. The file cache is warm.
"""

import argparse
import multiprocessing
import os
import pickle
import tempfile
import time
from pathlib import Path

os.environ.setdefault('OMP_NUM_THREADS', '1')

import numpy as np

from unisign.stores import USED_POINTS, PackedPoseWriter, PoseFiles, write_npz
from unisign.structures import Poses


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--clips', type=int, default=2000, help='number of clips')
    parser.add_argument('--frames', type=int, default=120, help='mean number of frames of a clip')
    parser.add_argument('--seconds', type=float, default=3.0, help='how long each store is read')
    parser.add_argument('--workers', type=int, nargs='+', default=[1, 2], help='numbers of reading processes')
    return parser.parse_args()


def make_clip(rng: np.random.Generator, frames: int) -> Poses:
    """Return a clip of frames/2 to 3*frames/2 frames."""
    length = int(rng.integers(frames // 2, 3 * frames // 2 + 1))
    return Poses(rng.random((length, 133, 2), np.float32), rng.random((length, 133), np.float32), (640, 480))


def write_stores(folder: Path, clips: int, frames: int) -> dict[str, tuple[list[str], int]]:
    """Write the same clips in every form; return name -> (keys, bytes in all)."""
    rng = np.random.default_rng(0)
    packed = {
        'packed, float32, 133 points': ('all32.lmdb', 'float32', None),
        'packed, float16, 133 points': ('all16.lmdb', 'float16', None),
        'packed, float16, 69 points': ('used16.lmdb', 'float16', USED_POINTS),
    }
    writers = {name: PackedPoseWriter(folder / file, dtype, points) for name, (file, dtype, points) in packed.items()}
    for writer in writers.values():
        writer.__enter__()
    for i in range(clips):
        poses = make_clip(rng, frames)
        write_npz(folder / f'{i}.npz', poses)
        # As published: lists with one array a frame, coordinates in float64.
        content = {
            'keypoints': list(poses.keypoints[:, None].astype(np.float64)),
            'scores': list(poses.scores[:, None]),
        }
        (folder / f'{i}.pkl').write_bytes(pickle.dumps({**content, 'w_h': [640, 480]}, protocol=4))
        for writer in writers.values():
            writer.write(f'clip_{i}', poses)
    stores = {}
    for kind in ('pkl', 'npz'):
        keys = [str(folder / f'{i}.{kind}') for i in range(clips)]
        name = 'published pickles' if kind == 'pkl' else '.npz files'
        stores[name] = (keys, sum(Path(key).stat().st_size for key in keys))
    for name, writer in writers.items():
        writer.__exit__(None, None, None)
        stores[name] = ([f'{writer.path}#clip_{i}' for i in range(clips)], writer.path.stat().st_size)
    return stores


def read_for(keys: list[str], seconds: float, seed: int, start: object, counts: object) -> None:
    """Read random clips for a while; put clips a second, and processor seconds a clip, into ``counts``."""
    store, order = PoseFiles(), np.random.default_rng(seed).integers(0, len(keys), 100_000)
    store.read(keys[0])
    start.wait()
    begin, cpu_begin, count = time.perf_counter(), time.process_time(), 0
    while time.perf_counter() - begin < seconds:
        store.read(keys[order[count % len(order)]])
        count += 1
    counts.put((count / (time.perf_counter() - begin), (time.process_time() - cpu_begin) / count))


def time_reads(keys: list[str], workers: int, seconds: float) -> tuple[float, float]:
    """Return how many clips ``workers`` processes read a second, together, and the processor seconds of one read."""
    context = multiprocessing.get_context('spawn')
    start, counts = context.Barrier(workers), context.Queue()
    processes = [context.Process(target=read_for, args=(keys, seconds, i, start, counts)) for i in range(workers)]
    for process in processes:
        process.start()
    rates, costs = zip(*(counts.get() for _ in processes), strict=True)
    for process in processes:
        process.join()
    return sum(rates), float(np.mean(costs))


def main() -> None:
    """Write, read, print."""
    args = parse_args()
    heads = [f'{workers} process{"es" * (workers > 1)}: clips/s' for workers in args.workers]
    with tempfile.TemporaryDirectory() as folder:
        stores = write_stores(Path(folder), args.clips, args.frames)
        print(f'{args.clips} clips of {args.frames} frames on average')
        print('| store | kB a clip | CPU ms a read | ' + ' | '.join(heads) + ' |')
        print('|---|---|---|' + '---|' * len(heads))
        for name, (keys, size) in stores.items():
            timed = [time_reads(keys, workers, args.seconds) for workers in args.workers]
            rates = ' | '.join(f'{rate:.0f}' for rate, _ in timed)
            print(f'| {name} | {size / len(keys) / 1e3:.0f} | {1e3 * timed[0][1]:.2f} | {rates} |', flush=True)


if __name__ == '__main__':
    main()

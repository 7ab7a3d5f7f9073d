"""Clips a second that data workers deliver, as the configs train: pose-only, with augmentation, and RGB-pose.

Example: ``python tools/benchmarks/bench_data_workers.py data/toy/annotations/pretrain_train.jsonl``. Clips of the toy
corpus are joined to the length of those of CSL-News, and packed: poses as 69 points in float16, hands as windows,
lossless or not (``--coding``). One thread a worker, warm file cache. Given are what a clip costs inside a worker, what
a loader with some workers delivers to a process that does nothing else, and what is read from the disk.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault('OMP_NUM_THREADS', '1')

import numpy as np
import torch
from mmengine.config import Config
from side_by_side import origin, seconds, write_json
from torch.utils.data import DataLoader

from unisign.datasets import SignDataset, sign_collate
from unisign.datasets.hand_windows import hand_windows
from unisign.registry import VIDEO_READERS
from unisign.stores import USED_POINTS, PackedPoseWriter
from unisign.stores.packed_format import encode_clip
from unisign.stores.packed_window_writer import PackedWindowWriter
from unisign.stores.window_format import CODINGS, encode_windows
from unisign.structures import Poses

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'


@dataclass
class Corpus:
    """Packed clips on the disk, and the mean numbers of bytes of a clip's poses, table of windows and window."""

    folder: Path
    clips: int
    pose_bytes: float
    table_bytes: float
    window_bytes: float


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('annotations', metavar='ANN.jsonl', help='annotations of the toy corpus, with videos')
    parser.add_argument('--clips', type=int, default=16, help='joined clips')
    parser.add_argument('--frames', type=int, default=238, help='of a joined clip; 238 are 9.5 s of CSL-News')
    parser.add_argument('--coding', choices=CODINGS, default='webp', help='of the hand windows')
    parser.add_argument('--batches', type=int, default=20, help='timed in each case')
    parser.add_argument('--workers', type=int, nargs='+', default=[1, 2], help='of the loader')
    parser.add_argument('--json', type=Path, help='write the figures here too')
    return parser.parse_args()


def joined_clips(args: argparse.Namespace) -> Iterator[tuple[Poses, np.ndarray]]:
    """Return poses and images [T, H, W, 3] of joined clips; each begins with another clip of the corpus."""
    corpus = SignDataset(args.annotations, 'slt', [{'type': 'LoadPoses'}], lang='en')
    reader = VIDEO_READERS.build({'type': 'VideoFiles'})
    read = [corpus[i] for i in range(min(len(corpus), args.clips + 8))]
    images = [np.stack(list(reader.frames(one['video'], np.arange(len(one['poses']))))) for one in read]
    for first in range(args.clips):
        order = [(first + i) % len(read) for i in range(len(read))]
        keypoints, scores = (
            np.concatenate([getattr(read[i]['poses'], name) for i in order])[: args.frames]
            for name in ('keypoints', 'scores')
        )
        size = read[first]['poses'].frame_size
        yield Poses(keypoints, scores, size, 25.0), np.concatenate([images[i] for i in order])[: args.frames]


def write_corpus(folder: Path, args: argparse.Namespace) -> Corpus:
    """Write annotations, poses and hand windows."""
    pose_bytes, table_bytes, window_bytes, lines = [], [], [], []
    store, windows = PackedPoseWriter(folder / 'poses.lmdb', 'float16', USED_POINTS), folder / 'hands.lmdb'
    with store, PackedWindowWriter(windows, {}) as hands:
        for number, (poses, images) in enumerate(joined_clips(args)):
            store.write(str(number), poses)
            found = hand_windows(poses, lambda wanted, of=images: of[wanted], np.arange(len(poses)), poses.frame_size)
            value = encode_windows(found, args.coding)
            hands.write(str(number), len(found), value)
            images_bytes = len(value) - 40 - 28 * len(found)
            pose_bytes.append(len(encode_clip(poses, 'float16', USED_POINTS)))
            table_bytes.append(40 + 28 * len(found))
            window_bytes.append(images_bytes / len(found))
            lines.append(json.dumps(dict(id=str(number), poses=f'poses.lmdb#{number}', text='hello', lang='en')))
        hands.finish()
    (folder / 'train.jsonl').write_text('\n'.join(lines))
    return Corpus(folder, len(lines), *(float(np.mean(each)) for each in (pose_bytes, table_bytes, window_bytes)))


def pipelines(windows: Path) -> dict[str, tuple[list[dict], int]]:
    """Return case -> (train pipeline, clips in a batch)."""
    loaders = {
        name: Config.fromfile(CONFIGS / f'{name}.py').train_dataloader
        for name in ('unisign/stage1_csl-news_pose', 'unisign/stage2_csl-news', 'toy/stage1_toy_pose')
    }
    pose, rgb, toy = ([dict(step) for step in loader.dataset.pipeline] for loader in loaders.values())
    # The augmentations of the toy corpus, at the length of the real one.
    augmented = [step | {'max_frames': 256} if step['type'] == 'SampleFrames' else step for step in toy]
    packed = [step | {'windows': str(windows)} if step['type'] == 'LoadHandCrops' else step for step in rgb]
    pose_batch, rgb_batch, _ = (loader.batch_size for loader in loaders.values())
    return {
        'pose-only': (pose, pose_batch),
        'pose-only, augmented': (augmented, pose_batch),
        'RGB-pose': (packed, rgb_batch),
    }


def batches(count: int, size: int, clips: int) -> list[list[tuple[int, int]]]:
    """Return (epoch, clip) of each place in ``count`` batches, every epoch another draw."""
    places = [divmod(place, clips) for place in range(count * size)]
    return [places[i * size : (i + 1) * size] for i in range(count)]


def measure(pipeline: list[dict], size: int, corpus: Corpus, args: argparse.Namespace) -> dict[str, float]:
    """Return the figures of one case, by the heads of their columns."""
    dataset = SignDataset(str(corpus.folder / 'train.jsonl'), 'slt', pipeline)
    wanted = iter(batches(args.batches + 3, size, corpus.clips))
    pictures: list[int] = []

    def batch() -> None:
        done = sign_collate([dataset[place] for place in next(wanted)])
        if done['failed_clips']:
            sys.exit(f'a clip cannot be read: {done["failed_clips"][0].failure}')
        pictures.append(sum(len(hand['frame']) for hand in done['inputs'].get('hands', {}).values()))

    inside = 1e3 * seconds(batch, args.batches, warm_up=3) / size
    shown = sum(pictures) / len(pictures) / size
    read = corpus.pose_bytes + (shown > 0) * corpus.table_bytes + shown * corpus.window_bytes
    rates = {
        f'clips/s, {workers} worker{"s" * (workers > 1)}': loader_rate(
            dataset, size, workers, corpus.clips, args.batches
        )
        for workers in args.workers
    }
    return {
        'ms a clip': inside,
        **rates,
        'pictures a clip': shown,
        'reads a clip': 1 + (shown > 0) + shown,
        'kB read a clip': read / 1e3,
    }


def loader_rate(dataset: SignDataset, size: int, workers: int, clips: int, count: int) -> float:
    """Return clips a second of a loader, from its first batches on."""
    first = 2 * workers  # what is begun when the loader is
    loader = DataLoader(
        dataset,
        batch_sampler=batches(first + count * workers, size, clips),
        num_workers=workers,
        collate_fn=sign_collate,
    )
    found = iter(loader)
    for _ in range(first):
        next(found)
    begin = time.perf_counter()
    rest = sum(1 for _ in found)
    return rest * size / (time.perf_counter() - begin)


def main() -> None:
    """Pack, read, print."""
    args = parse_args()
    args.threads = 1
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        corpus = write_corpus(Path(name), args)
        facts = origin(args)
        print(f'{args.clips} clips of {args.frames} frames\n{facts["machine"]}, load {facts["load"]:.2f}')
        print(f'{facts["date"]}, commit {facts["commit"]}: {facts["command"]}')
        found = {}
        for case, (pipeline, size) in pipelines(corpus.folder / 'hands.lmdb').items():
            found[case] = measure(pipeline, size, corpus, args)
            if len(found) == 1:
                print(f'| | {" | ".join(found[case])} |\n|---|' + '---|' * len(found[case]))
            print(f'| {case} | {" | ".join(f"{value:,.4g}" for value in found[case].values())} |', flush=True)
    write_json(args, facts | {'cases': found})


if __name__ == '__main__':
    main()

"""Time crops of hands from videos and from packed windows, and weigh them.

Example: ``python tools/benchmarks/bench_hand_crops.py data/toy/annotations/slt_dev.jsonl --clips 20``. Prints a
table in Markdown: bytes of a clip, and processor time of a clip's crops (which other work on the machine changes
least); the file cache is warm. The crops of windows are compared with those of the video. Packing time is that of one
process.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault('OMP_NUM_THREADS', '1')

import numpy as np

from unisign.datasets import AnnotationFile, SignDataset, write_annotations
from unisign.datasets.clip_paths import ClipPaths
from unisign.datasets.window_packing import pack_hand_windows


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('annotations', metavar='ANN.jsonl', help='annotations with poses and videos')
    parser.add_argument('--data-root', default='', help='where paths are looked up that are not beside the annotations')
    parser.add_argument('--clips', type=int, default=20, help='how many clips, from the start of the file')
    parser.add_argument('--ratios', type=float, nargs='+', default=[0.1, 0.3, 1.0], help='shares of the hands cropped')
    parser.add_argument('--epochs', type=int, default=3, help='how often each clip is read')
    parser.add_argument('--codings', nargs='+', default=['png', 'webp', 'jpeg', 'raw'], help='kinds of packed windows')
    return parser.parse_args()


def read(path: Path, data_root: str, ratio: float, windows: str | None, epochs: int) -> tuple[list[dict], float]:
    """Return the hands of all clips in all epochs, and the processor seconds of a clip's crops alone."""
    before = [
        {'type': 'LoadPoses'},
        {'type': 'SampleFrames', 'sampler': {'type': 'RandomFrameSampler'}},
        {'type': 'SampleHandFrames', 'ratio': ratio},
    ]
    dataset = SignDataset(str(path), 'slt', before, data_root=data_root, test_mode=False, lang='en')
    load = SignDataset(
        str(path), 'slt', [{'type': 'LoadHandCrops', 'windows': windows}], data_root=data_root, lang='en'
    ).pipeline[0]
    hands, seconds = [], 0.0
    for epoch in range(epochs):
        for index in range(len(dataset)):
            results = dataset[epoch, index]
            begin = time.process_time()
            hands.append(load(results)['hands'])
            seconds += time.process_time() - begin
    return hands, seconds / len(hands)


def same(first: list[dict], second: list[dict]) -> bool:
    """Return whether all crops are equal, bit for bit."""
    return all(
        np.array_equal(a[side]['images'], b[side]['images']) for a, b in zip(first, second, strict=True) for side in a
    )


def main() -> None:
    """Pack, read, print."""
    args = parse_args()
    source = AnnotationFile(args.annotations)
    annotations = [source[i] for i in range(min(args.clips, len(source)))]
    paths = ClipPaths(source.path.parent, args.data_root)
    video_bytes = sum(Path(paths.find(annotation.video)).stat().st_size for annotation in annotations)
    heads = ' | '.join(f'{ratio:.0%} of the hands: CPU ms' for ratio in args.ratios)
    with tempfile.TemporaryDirectory(dir=source.path.parent) as folder:  # paths relative to the file stay valid
        chosen = source.path.parent / f'{Path(folder).name}.jsonl'
        try:
            write_annotations(chosen, annotations)
            expected = {ratio: read(chosen, args.data_root, ratio, None, args.epochs) for ratio in args.ratios}
            crops = np.mean([len(h[s]['frames']) for h in expected[args.ratios[0]][0] for s in h])
            print(f'{len(annotations)} clips; {crops:.1f} crops a hand and clip at {args.ratios[0]:.0%}')
            print(
                f'| from | kB a clip | packing: CPU ms | same crops | {heads} |\n|---|---|---|---|'
                + '---|' * len(args.ratios)
            )
            times = ' | '.join(f'{1e3 * seconds:.1f}' for _, seconds in expected.values())
            print(f'| video | {video_bytes / len(annotations) / 1e3:.0f} | | | {times} |', flush=True)
            for coding in args.codings:
                store = Path(folder) / f'{coding}.lmdb'
                begin = time.process_time()
                pack_hand_windows([chosen], store, coding=coding, data_root=args.data_root)
                packing = (time.process_time() - begin) / len(annotations)
                found = {ratio: read(chosen, args.data_root, ratio, str(store), args.epochs) for ratio in args.ratios}
                equal = all(same(found[ratio][0], expected[ratio][0]) for ratio in args.ratios)
                times = ' | '.join(f'{1e3 * seconds:.1f}' for _, seconds in found.values())
                size = store.stat().st_size / len(annotations) / 1e3
                print(
                    f'| windows, {coding} | {size:.0f} | {1e3 * packing:.0f} | {"yes" if equal else "no"} | {times} |',
                    flush=True,
                )
        finally:
            chosen.unlink(missing_ok=True)


if __name__ == '__main__':
    main()

"""Hold ways to read single frames of a video to a full decode, and time them, alone and in data workers.

Example: ``UNISIGN_SHARED=../shared python tools/benchmarks/bench_video_readers.py``. Without videos as arguments it
makes two H.264 clips with B frames, one with open groups of pictures, and takes the clips of ``$UNISIGN_SHARED`` where
that is set. Each read asks for a random tenth of the frames. Printed in Markdown: wrong frames, processor time of a
read (which other work on the machine changes least), and reads a second by 2 and by 4 data workers.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

os.environ.setdefault('OMP_NUM_THREADS', '1')

import av
import numpy as np
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from unisign.registry import VIDEO_READERS

FOLDER = '`ImageFolderReader` (its frames as JPEG)'
X264 = {
    'H.264, B frames': 'bframes=3:keyint=48:scenecut=0',
    'H.264, open groups': 'bframes=3:keyint=24:scenecut=0:open-gop=1',
}


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('videos', nargs='*', type=Path, help='videos; default: see above')
    parser.add_argument('--reads', type=int, default=20, help='reads of each video by each way')
    parser.add_argument('--ratio', type=float, default=0.1, help='share of the frames asked for')
    parser.add_argument('--workers', type=int, nargs='+', default=[2, 4], help='numbers of data workers')
    parser.add_argument('--patience', type=float, default=60.0, help='seconds after which a worker is taken to hang')
    return parser.parse_args()


def make_video(path: Path, x264: str, frames: int = 150, width: int = 640, height: int = 480) -> Path:
    """Write an H.264 clip of moving blocks."""
    rng = np.random.default_rng(0)
    blocks = rng.integers(0, 255, (height // 16, width // 16, 3), dtype=np.uint8).repeat(16, 0).repeat(16, 1)
    with av.open(str(path), 'w') as container:
        stream = container.add_stream('libx264', rate=25, options={'x264-params': x264, 'crf': '20'})
        stream.width, stream.height, stream.pix_fmt = width, height, 'yuv420p'
        for i in range(frames):
            image = np.roll(blocks, 5 * i, axis=1)
            image[:32, :32] = 255 * i // frames
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format='rgb24')))
        container.mux(stream.encode(None))
    return path


def sample_videos(given: Sequence[Path], folder: Path) -> dict[str, Path]:
    """Return name -> file of the videos that were given, or if there are none of those that are made and shared."""
    if given:
        return {path.name: path for path in given}
    videos = {name: make_video(folder / f'{i}.mp4', x264) for i, (name, x264) in enumerate(X264.items())}
    shared = os.environ.get('UNISIGN_SHARED')
    real = sorted(Path(shared).glob('data/msl150/*.mp4')) if shared else []
    return videos | {f'HEVC, {path.name}': path for path in real}


def all_frames(path: Path) -> np.ndarray:
    """Return every frame by decoding in order, uint8 RGB [T, H, W, 3]."""
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format='rgb24') for frame in container.decode(video=0)])


def decord_random_access(path: Path, indices: np.ndarray) -> np.ndarray:
    """Read with decord's own random access."""
    import decord

    decord.logging.set_level(decord.logging.FATAL)  # it complains of each jump into open groups of pictures
    return decord.VideoReader(str(path), num_threads=1).get_batch(indices.tolist()).asnumpy()


def write_images(folder: Path, frames: np.ndarray) -> Path:
    """Write the frames as JPEG files, as data sets of images come; return the folder."""
    folder.mkdir()
    for i, frame in enumerate(frames):
        Image.fromarray(frame).save(folder / f'{i:06d}.jpg', quality=95)
    return folder


def ways() -> dict[str, Callable[[Path, np.ndarray], np.ndarray]]:
    """Return name -> how frames are read."""
    found = {'`PyAVReader`': VIDEO_READERS.build({'type': 'PyAVReader'}).read}
    try:
        import decord  # noqa: F401

        found['`DecordReader` (in order)'] = VIDEO_READERS.build({'type': 'DecordReader'}).read
        found["decord's random access"] = decord_random_access
    except ImportError:
        print('decord is not installed here')
    return found | {FOLDER: VIDEO_READERS.build({'type': 'ImageFolderReader'}).read}


def asked(count: int, ratio: float, seed: int) -> np.ndarray:
    """Return sorted frames, int64."""
    return np.sort(np.random.default_rng(seed).choice(count, max(1, round(ratio * count)), replace=False))


def accuracy(read: Callable, path: Path, truth: np.ndarray, reads: int, ratio: float) -> tuple[int, int, float, float]:
    """Return wrong frames, frames, the largest distance to the frame that came instead, and CPU seconds of a read.

    A frame is wrong if another one of the video is nearer to it: colours may be rounded otherwise.
    """
    small = truth[:, ::8, ::8].astype(np.int16)
    wrong = total = late = 0
    seconds = 0.0
    for seed in range(reads):
        indices = asked(len(truth), ratio, seed)
        begin = time.process_time()
        frames = read(path, indices)
        seconds += time.process_time() - begin
        for index, frame in zip(indices, frames[:, ::8, ::8].astype(np.int16), strict=True):
            came = int(np.abs(small - frame).mean(axis=(1, 2, 3)).argmin())
            wrong, late = wrong + (came != index), max(late, abs(came - index))
        total += len(indices)
    return wrong, total, late, seconds / reads


class Reads(Dataset):
    """Random sparse reads, as a data loader would make them."""

    def __init__(self, read: Callable, path: Path, count: int, reads: int, ratio: float) -> None:
        self.read, self.path, self.count, self.reads, self.ratio = read, path, count, reads, ratio

    def __len__(self) -> int:
        return self.reads

    def __getitem__(self, index: int) -> int:
        return int(self.read(self.path, asked(self.count, self.ratio, index)).shape[0])


def rate_with_workers(data: Reads, workers: int, patience: float) -> str:
    """Return reads a second, or what went wrong."""
    begin = time.perf_counter()
    try:
        for _ in DataLoader(data, batch_size=None, num_workers=workers, timeout=patience):
            pass
    except RuntimeError as error:
        return 'hangs' if 'timed out' in str(error) else 'dies'
    return f'{len(data) / (time.perf_counter() - begin):.1f}'


def main() -> None:
    """Make the clips, read them in all ways, print."""
    args = parse_args()
    with tempfile.TemporaryDirectory() as folder:
        videos = sample_videos(args.videos, Path(folder))
        heads = ' | '.join(f'{workers} workers: reads/s' for workers in args.workers)
        print(f'a read: {args.ratio:.0%} of the frames of a video')
        print(
            f'| video | way | wrong frames | CPU ms a read | {heads} |\n|---|---|---|---|' + '---|' * len(args.workers)
        )
        for name, path in videos.items():
            truth = all_frames(path)
            label = f'{name}, {truth.shape[2]}x{truth.shape[1]}, {len(truth)} frames'
            images = write_images(Path(folder) / f'images of {path.stem}', truth)
            for way, read in ways().items():
                source = images if way == FOLDER else path
                wrong, total, late, seconds = accuracy(read, source, truth, args.reads, args.ratio)
                how = f'{wrong} of {total}' + (f', up to {late} off' if wrong else '')
                data = Reads(read, source, len(truth), 2 * args.reads, args.ratio)
                rates = ' | '.join(rate_with_workers(data, workers, args.patience) for workers in args.workers)
                print(f'| {label} | {way} | {how} | {1e3 * seconds:.0f} | {rates} |', flush=True)


if __name__ == '__main__':
    main()

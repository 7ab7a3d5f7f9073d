"""Count the hands that MediaPipe finds in small copies of videos, by the ways that are to raise their number.

Example: ``UNISIGN_SHARED=../shared python tools/benchmarks/bench_small_video.py``. Without videos as arguments it takes
the clips of ``$UNISIGN_SHARED/data/msl150``. Printed in Markdown, for each height: the share of frames with the signing
hand (the one that is found in more frames at full size); behind it, how far its points lie from those found in the same
frame at full size: the median, in widths of the shoulders.
"""

import argparse
import os
import tempfile
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from unisign.pose import build_estimator
from unisign.registry import VIDEO_READERS
from unisign.structures import Poses
from unisign.structures.keypoint_layout import LEFT_HAND_START, RIGHT_HAND_START

SHOULDERS = [5, 6]
WAYS: dict[str, dict[str, Any]] = {
    'plain': {'second_search': False},
    'enlarged to 360': {'second_search': False, 'upscale_to': 360},
    'cut to the signer': {'second_search': False, 'detect_every': 8},
    'second search (default)': {},
    'second search, enlarged': {'upscale_to': 360},
    'second search, cut': {'detect_every': 8},
}


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('videos', type=Path, nargs='*', help='videos; default: see above')
    parser.add_argument('--heights', type=int, nargs='+', default=[170, 115, 72, 54], help='of the copies, in pixels')
    parser.add_argument('--crf', type=int, help='also press the copies as hard as H.264 does at this value (0 to 51)')
    parser.add_argument('--every', type=int, default=1, help='take every n-th frame')
    return parser.parse_args()


def main() -> None:
    """Print the table."""
    args = parse_args()
    videos = args.videos or sorted((Path(os.environ['UNISIGN_SHARED']) / 'data/msl150').glob('*.mp4'))
    clips = {path.stem: read(path, args.every) for path in videos}
    full = {name: estimate(frames, {'second_search': False}) for name, frames in clips.items()}
    hands = {name: signing_hand(poses) for name, poses in full.items()}
    print(f'{sum(map(len, clips.values()))} frames of {", ".join(clips)}\n')
    print(f'| size | {" | ".join(WAYS)} |\n|---|{"---|" * len(WAYS)}')
    shares = [found(full[name], hands[name]).mean() for name in clips]
    print(f'| full | {np.mean(shares):.0%} |{" |" * (len(WAYS) - 1)}', flush=True)
    for height in args.heights:
        cells, sizes = [], set()
        for way in WAYS.values():
            seen, distances = [], []
            for name, frames in clips.items():
                small = pressed([shrunk(frame, height) for frame in frames], args.crf)
                sizes.add('{1}x{0}'.format(*small[0].shape))
                poses = estimate(small, way)
                seen.append(found(poses, hands[name]))
                distances.append(apart(poses, full[name], hands[name]))
            cells.append(f'{np.concatenate(seen).mean():.0%} ({np.median(np.concatenate(distances)):.2f})')
        print(f'| {", ".join(sorted(sizes))} | {" | ".join(cells)} |', flush=True)


def read(path: Path, every: int) -> list[np.ndarray]:
    """Return every n-th frame."""
    reader = VIDEO_READERS.build({'type': 'VideoFiles'})
    return list(reader.frames(path, np.arange(0, reader.info(path).num_frames, every)))


def shrunk(frame: np.ndarray, height: int) -> np.ndarray:
    """Return a frame as it would be broadcast, ``height`` pixels high."""
    width = round(frame.shape[1] * height / frame.shape[0] / 2) * 2
    return cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)


def pressed(frames: list[np.ndarray], crf: int | None) -> list[np.ndarray]:
    """Return the frames as they come out of an H.264 file of quality ``crf``; None leaves them as they are."""
    if crf is None:
        return frames
    height, width = (side // 2 * 2 for side in frames[0].shape[:2])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'small.mp4'
        with av.open(str(path), 'w') as container:
            stream = container.add_stream('libx264', rate=25, options={'crf': str(crf)})
            stream.width, stream.height, stream.pix_fmt = width, height, 'yuv420p'
            for frame in frames:
                image = np.ascontiguousarray(frame[:height, :width])
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format='rgb24')))
            container.mux(stream.encode(None))
        return read(path, 1)


def estimate(frames: list[np.ndarray], way: dict[str, Any]) -> Poses:
    """Return the keypoints by one of the ways."""
    return build_estimator({'type': 'MediaPipeEstimator', **way})(frames)


def signing_hand(poses: Poses) -> int:
    """Return the first point of the hand that is found in more frames."""
    return max((RIGHT_HAND_START, LEFT_HAND_START), key=lambda start: found(poses, start).sum())


def found(poses: Poses, hand: int) -> np.ndarray:
    """Return in which frames the hand is there, bool [T]."""
    return poses.scores[:, hand] > 0


def apart(poses: Poses, full: Poses, hand: int) -> np.ndarray:
    """Return the mean distance of the hand's points, in widths of the shoulders, of the frames that have both."""
    both = found(poses, hand) & found(full, hand)
    size = np.array(full.frame_size)
    points, others = (clip.keypoints[both] * size for clip in (poses, full))
    widths = np.linalg.norm(np.diff(others[:, SHOULDERS], axis=1)[:, 0], axis=1)
    distances = np.linalg.norm((points - others)[:, hand : hand + 21], axis=2).mean(axis=1)
    return distances / widths


if __name__ == '__main__':
    main()

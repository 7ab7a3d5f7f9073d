"""An estimator for tests, fast and exact: every point lies where the frame's mean brightness says."""

import sys
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from unisign.pose import ClipFolder, PoseEstimator, extract, find_videos
from unisign.registry import POSE_ESTIMATORS


@POSE_ESTIMATORS.register_module()
class BrightnessEstimator(PoseEstimator):
    def __init__(self, seconds: float = 0, gain: float = 1.0, score: float = 1.0) -> None:
        super().__init__(chunk=4)
        self.seconds, self.gain, self.score = seconds, gain, score

    def describe(self):
        return {'estimator': type(self).__name__, 'weights': {}, 'versions': {}, 'settings': {'gain': self.gain}}

    def _estimate(self, chunks):
        for frames in chunks:
            time.sleep(self.seconds)
            means = np.array([self.gain * frame.mean() / 255 for frame in frames])
            yield np.tile(means[:, None, None], (1, 133, 2)), np.full((len(frames), 133), self.score)


def write_clip(
    path: Path, count: int = 6, size: tuple[int, int] = (48, 64), times: list[int] | None = None, turned: int = 0
) -> Path:
    """Write a video of ``count`` frames, height and width ``size``, each brighter than the one before.

    Args:
        times: when each is shown, in milliseconds; None: 25 a second.
        turned: degrees against the clock that the file asks for.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), 'w') as container:
        stream = container.add_stream('libx264', rate=25)
        stream.height, stream.width, stream.pix_fmt = *size, 'yuv420p'
        if turned:
            stream.set_display_rotation(turned)
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        for i in range(count):
            frame = av.VideoFrame.from_ndarray(np.full((*size, 3), 20 + 200 * i // count, np.uint8), format='rgb24')
            if times is not None:
                frame.pts, frame.time_base = times[i], Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


if __name__ == '__main__':  # VIDEOS OUT PROCESSES: slow enough to be killed
    estimator = {'type': 'BrightnessEstimator', 'seconds': 0.1}
    for result in extract(find_videos(sys.argv[1]), ClipFolder(sys.argv[2], 'npz'), estimator):
        print(result.id, flush=True)

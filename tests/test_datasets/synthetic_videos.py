"""Videos made in code: every frame differs from every other, and encoders get something to predict."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np


def moving_images(count: int, width: int = 64, height: int = 48, seed: int = 0) -> np.ndarray:
    """Return uint8 [count, height, width, 3]: blocks that move, and a corner that brightens."""
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, 255, (height // 8, width // 8, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    images = np.stack([np.roll(blocks, 3 * i, axis=1) for i in range(count)])
    images[:, :8, :8] = (np.arange(count) * 255 // max(count - 1, 1))[:, None, None, None]
    return images


def write_h264(
    path: Path,
    images: np.ndarray,
    x264: str = 'bframes=3:keyint=12:scenecut=0',
    faststart: bool = False,
    turned: int = 0,
    mirrored: bool = False,
    times: list[int] | None = None,
) -> Path:
    """Write images as H.264, by default with B frames and a keyframe every 12 frames, 25 a second.

    Args:
        turned: degrees against the clock that the file asks players to turn the picture by.
        mirrored: the file asks for a mirrored picture, left and right changed, after that.
        times: when each frame is shown, in milliseconds; None: every 40.
    """
    options = {'movflags': 'faststart'} if faststart else {}
    with av.open(str(path), 'w', options=options) as container:
        stream = container.add_stream('libx264', rate=25, options={'x264-params': x264, 'crf': '18'})
        stream.height, stream.width = images.shape[1:3]
        stream.pix_fmt = 'yuv420p'
        if turned or mirrored:
            stream.set_display_rotation(turned, hflip=mirrored)
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        for i, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format='rgb24')
            if times is not None:
                frame.pts, frame.time_base = times[i], Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def decode_in_order(path: Path) -> np.ndarray:
    """Return all frames, uint8 [T, H, W, 3]: the truth that every reader is held to."""
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format='rgb24') for frame in container.decode(video=0)])

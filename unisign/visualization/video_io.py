"""Reading the frames that are to be drawn on, and writing drawn frames as a video."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import av
import numpy as np

from unisign.datasets.video_readers.open_video import open_video
from unisign.datasets.video_readers.orientation import frame_orientation
from unisign.structures import ClipError


def read_frames(path: str | Path, frame_ids: Iterable[int]) -> dict[int, np.ndarray]:
    """Return the asked frames of a video, found by decoding it in order, so that they are the true ones.

    Args:
        path: video file.
        frame_ids: numbers of frames, from 0, in any order.

    Returns:
        uint8 RGB [H, W, 3] per frame number; numbers behind the video's end are left out.

    Raises:
        ClipError: if the file cannot be read as a video.
    """
    wanted = set(map(int, frame_ids))
    frames: dict[int, np.ndarray] = {}
    try:
        with open_video(path) as container:
            for number, frame in enumerate(container.decode(video=0)):
                if number in wanted:
                    frames[number] = frame_orientation(frame).shown(frame.to_ndarray(format='rgb24'))
                if len(frames) == len(wanted):
                    break
    except (av.FFmpegError, OSError, IndexError) as error:
        raise ClipError(path, f'cannot be read as a video ({error}).', 'Check the path and the file.') from error
    return frames


def write_video(
    path: str | Path,
    images: Sequence[np.ndarray] | Iterable[np.ndarray],
    frame_rate: float,
    preset: str = 'medium',
) -> None:
    """Write images as an H.264 mp4 that browsers play.

    Args:
        path: file to write; its folder is made.
        images: uint8 RGB [H, W, 3], all of one size; an odd row or column at the edge is cut off.
        frame_rate: frames per second.
        preset: of the encoder, such as ``veryfast``, which takes less time and gives larger files.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), 'w') as container:
        stream = None
        for image in images:
            height, width = image.shape[0] // 2 * 2, image.shape[1] // 2 * 2
            if stream is None:
                options = {'crf': '20', 'preset': preset}
                stream = container.add_stream('libx264', rate=max(1, round(frame_rate)), options=options)
                stream.width, stream.height, stream.pix_fmt = width, height, 'yuv420p'
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image[:height, :width]), format='rgb24')
            container.mux(stream.encode(frame))
        if stream is not None:
            container.mux(stream.encode(None))

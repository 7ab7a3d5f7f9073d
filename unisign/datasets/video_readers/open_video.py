"""Opening a video file so that nothing but that file is ever read."""

from pathlib import Path
from typing import Any

import av

from unisign.structures import ClipError

# Containers that hold their pictures themselves, by FFmpeg's names. Playlists (HLS, DASH), concat and session
# descriptions are not among them: those name other files or hosts, which FFmpeg would open.
CONTAINERS = (
    *('mov', 'mp4', 'm4a', '3gp', '3g2', 'mj2', 'matroska', 'webm', 'avi', 'mpegts', 'mpeg', 'mpegvideo', 'flv', 'asf'),
    *('ogg', 'mxf', 'ivf', 'gif', 'mjpeg', 'yuv4mpegpipe', 'm4v', 'h264', 'hevc', 'obu'),
)


_OPTIONS = {'protocol_whitelist': 'file', 'format_whitelist': ','.join(CONTAINERS)}
# Whoever follows a video that is still being written waits for what is looked at before the first frame.
_LOOK_AHEAD = {'analyzeduration': '1000000', 'probesize': '1000000'}  # microseconds, bytes


def open_video(path: str | Path) -> 'av.container.InputContainer':
    """Return the opened container; use it as a context manager.

    What a file is decides its content, not its name: a playlist or concat file that is called ``.mp4`` is refused, and
    FFmpeg may open local files only, whatever stands in the one it reads.

    Args:
        path: a file; texts such as ``http://..`` or ``concat:..`` are taken as file names too.

    Raises:
        ClipError: if the file is of another kind.
        av.FFmpegError: if it cannot be read.
    """
    try:
        return av.open(f'file:{path}', options=_OPTIONS)
    except av.ArgumentError as error:  # how FFmpeg reports a kind that is not on the list
        raise ClipError(
            path,
            'is no video: a playlist or a list of files, or a kind that is not read here.',
            'Give the video itself, as mp4, mkv, webm, mov or avi; what a list names is never opened.',
        ) from error


def open_stream(file: Any, path: str | Path) -> 'av.container.InputContainer':
    """Return a container whose bytes come from ``file.read(n)``, in order: a video that is still being written.

    What ``open_video`` refuses is refused here.

    Args:
        file: an object with ``read`` and without ``seek``; ``read`` waits for more, and returns b'' at the end.
        path: the video, for the error.

    Raises:
        ClipError: if it is of another kind, or its beginning is not enough to show it (an ordinary mp4 has its table
            of contents at the end).
    """
    try:
        return av.open(file, options=_OPTIONS | _LOOK_AHEAD)
    except av.FFmpegError as error:
        raise no_stream(path, str(error.strerror)) from error


def no_stream(path: str | Path, reason: str) -> ClipError:
    """Return the error for a video that cannot be followed while it is being written."""
    return ClipError(
        path,
        f'cannot be shown from its beginning ({reason}).',
        'Record as mkv, ts or fragmented mp4 (movflags=frag_keyframe+empty_moov); lists of files are never opened.',
    )

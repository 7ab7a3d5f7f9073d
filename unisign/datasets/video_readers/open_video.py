"""Opening a video file so that nothing but that file is ever read."""

from pathlib import Path

import av

from unisign.structures import ClipError

# Containers that hold their pictures themselves, by FFmpeg's names. Playlists (HLS, DASH), concat and session
# descriptions are not among them: those name other files or hosts, which FFmpeg would open.
CONTAINERS = (
    *('mov', 'mp4', 'm4a', '3gp', '3g2', 'mj2', 'matroska', 'webm', 'avi', 'mpegts', 'mpeg', 'mpegvideo', 'flv', 'asf'),
    *('ogg', 'mxf', 'ivf', 'gif', 'mjpeg', 'yuv4mpegpipe', 'm4v', 'h264', 'hevc', 'obu'),
)


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
    options = {'protocol_whitelist': 'file', 'format_whitelist': ','.join(CONTAINERS)}
    try:
        return av.open(f'file:{path}', options=options)
    except av.ArgumentError as error:  # how FFmpeg reports a kind that is not on the list
        raise ClipError(
            path,
            'is no video: a playlist or a list of files, or a kind that is not read here.',
            'Give the video itself, as mp4, mkv, webm, mov or avi; what a list names is never opened.',
        ) from error

"""Frames by PyAV, which carries FFmpeg."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import av
import numpy as np

from unisign.datasets.video_readers.open_video import open_video
from unisign.datasets.video_readers.orientation import UPRIGHT, Orientation, packet_orientation
from unisign.datasets.video_readers.video_reader import (
    VideoInfo,
    VideoReader,
    check_indices,
    missing,
    stopped_early,
)
from unisign.registry import VIDEO_READERS
from unisign.structures import ClipError

# A header's rate this near to the true mean is kept: the mean is rounded, as times are.
_SAME_RATE = 0.01
# Frames farther than this from where an even rate would show them, in frames, come unevenly.
_LARGEST_SHIFT = 0.5
_FAILURES = (av.FFmpegError, OSError, IndexError, ValueError)


@dataclass(frozen=True)
class _Table:
    """Where the frames of a video are, from its packets; only one frame is decoded.

    Attributes:
        times: int64 [N], presentation times of the frames, sorted; None where they do not tell the frames apart.
        key_times: int64 [K], presentation times of those frames where decoding may start, sorted.
        info: what is known of the video, as it is shown.
        orientation: how stored frames become those that are shown.
    """

    times: np.ndarray | None
    key_times: np.ndarray
    info: VideoInfo
    orientation: Orientation = UPRIGHT


@VIDEO_READERS.register_module()
class PyAVReader(VideoReader):
    """Decodes from the last keyframe before each asked frame, and takes frames by their presentation time.

    The times of all frames are read from the packets first (well under a millisecond a clip). So the pictures that a
    decoder leaves out after a jump (those that are shown before the keyframe, in open groups of pictures) cannot
    shift the count, which is what makes plain seeking return later frames in such files. Where a jump would save
    nothing, decoding just goes on. Of H.264, frames that neither are asked for nor serve others are not decoded. A file
    whose packets carry no usable times is decoded from its start. What the file notes about turning and mirroring its
    picture, as phones do, is done: sizes and frames are those of the video as it is shown.

    Args:
        threads: of the decoder; 1 is best where several data workers read.
    """

    def __init__(self, threads: int = 1) -> None:
        self.threads = threads
        self._last: tuple[tuple, _Table] | None = None

    def info(self, path: str | Path) -> VideoInfo:
        """Return what is known of the video, its size as it is shown.

        Raises:
            ClipError: if it is missing or cannot be read.
        """
        return self._table(path).info

    def frames(self, path: str | Path, indices: np.ndarray) -> Iterator[np.ndarray]:
        """Yield the asked frames, see ``VideoReader.frames``."""
        table = self._table(path)
        indices = check_indices(path, indices, table.info)
        if not len(indices):
            return
        reached, problem = 0, None
        for way in (self._jumping, self._in_order):  # where jumping loses its way, the start of the file remains
            try:
                for image in way(path, table, indices[reached:]):
                    yield _of_size(path, table.orientation.shown(image), table.info.size)
                    reached += 1
            except av.FFmpegError as error:
                problem = error
            if reached == len(indices):
                return
        raise stopped_early(path, indices[reached], _reason(problem) if problem else '') from problem

    def _jumping(self, path: str | Path, table: _Table, indices: np.ndarray) -> Iterator[np.ndarray]:
        """Yield the frames ``indices`` up to the first one that is not where its keyframe promises it."""
        if table.times is None:
            return
        times = table.times[indices]
        keys = np.searchsorted(table.key_times, times, side='right') - 1  # the keyframe each is decoded from
        with open_video(path) as container:
            stream, wanted = self._stream(container), set(times.tolist())
            decoded, place = _decode(stream, container.demux(stream), wanted), 0
            for key, time in zip(keys.tolist(), times.tolist(), strict=True):
                if key > place:
                    following = table.key_times[key + 1] if key + 1 < len(table.key_times) else table.times[-1]
                    packets = _packets_from(container, stream, table.key_times[key], following)
                    decoded, place = _decode(stream, packets, wanted), key
                frame = next((frame for frame in decoded if frame.pts is None or frame.pts >= time), None)
                if frame is None or frame.pts != time:
                    return
                yield frame.to_ndarray(format='rgb24')

    def _in_order(self, path: str | Path, table: _Table, indices: np.ndarray) -> Iterator[np.ndarray]:
        """Yield the frames ``indices``, counted from the start of the file, as far as decoding comes."""
        wanted = set(indices.tolist())
        with open_video(path) as container:
            for number, frame in enumerate(container.decode(self._stream(container))):
                if number in wanted:
                    yield frame.to_ndarray(format='rgb24')
                if number >= indices[-1]:
                    return

    def _stream(self, container: 'av.container.InputContainer') -> 'av.VideoStream':
        stream = container.streams.video[0]
        stream.codec_context.thread_count = self.threads
        return stream

    def _table(self, path: str | Path) -> _Table:
        try:
            status = os.stat(path)  # noqa: PTH116 - path may be a text
        except OSError as error:
            raise missing(path) from error
        identity = (str(path), status.st_mtime_ns, status.st_size)
        if self._last is None or self._last[0] != identity:
            if not status.st_size:
                raise ClipError(path, 'the file is empty (0 bytes).', 'Copy or record the video again.')
            self._last = identity, _read_table(path)
        return self._last[1]


def _packets_from(
    container: 'av.container.InputContainer', stream: 'av.VideoStream', key_time: int, next_time: int
) -> Iterator['av.Packet']:
    """Return the packets from the keyframe at ``key_time`` on, or from one before it.

    FFmpeg looks for the last keyframe that is decoded, not shown, by the time it is given: asked for the very time at
    which this one is shown, it may go to the one before, and all between would be decoded for nothing. So it is asked
    for a time half-way to ``next_time``, that of the next keyframe or, at the last one, of the last frame.
    """
    for time in (key_time + (next_time - key_time) // 2, key_time):
        container.seek(int(time), stream=stream, backward=True)
        packets = container.demux(stream)
        first = next(packets, None)
        if first is None or (first.pts is not None and first.pts <= key_time):
            break
    return packets if first is None else chain([first], packets)


def _decode(stream: 'av.VideoStream', packets: Iterator['av.Packet'], wanted: set[int]) -> Iterator['av.VideoFrame']:
    """Yield the frames of packets; of H.264, those at the times ``wanted`` and those that others are decoded from."""
    codec = stream.codec_context
    for packet in packets:
        if codec.name == 'h264':
            codec.skip_frame = 'DEFAULT' if packet.pts is None or packet.pts in wanted else 'NONREF'
        yield from packet.decode()


def _read_table(path: str | Path) -> _Table:
    try:
        with open_video(path) as container:
            stream = container.streams.video[0]
            stream.codec_context.thread_count = 1  # several would hold frames back
            packets, orientation = [], None
            for packet in container.demux(stream):
                if packet.size and not packet.is_discard:
                    packets.append((packet.pts, packet.is_keyframe))
                if packet.is_keyframe and orientation is None:
                    orientation = packet_orientation(packet)
            rate = float(stream.average_rate) if stream.average_rate else None
            stored_size = stream.codec_context.width, stream.codec_context.height
            announced, tick = stream.frames or None, float(stream.time_base or 0)
    except ClipError:
        raise
    except _FAILURES as error:
        denied = isinstance(error, PermissionError)
        advice = 'Check who may read it.' if denied else 'It is no video, cut off or damaged: copy it again.'
        raise ClipError(path, f'cannot be read as a video ({_reason(error)}).', advice) from error
    orientation = orientation or UPRIGHT
    info = VideoInfo(len(packets), rate, orientation.shown_size(stored_size), announced)
    times = [time for time, _ in packets]
    if None in times or len(set(times)) < len(times) or not packets or not packets[0][1]:
        return _Table(None, np.zeros(0, dtype=np.int64), info, orientation)
    keys = [time for time, is_key in packets if is_key]
    sorted_times, key_times = (np.sort(np.array(values, dtype=np.int64)) for values in (times, keys))
    return _Table(sorted_times, key_times, _timed(info, (sorted_times - sorted_times[0]) * tick), orientation)


def _timed(info: VideoInfo, times: np.ndarray) -> VideoInfo:
    """Return ``info`` with the true mean rate, and the times (float64 [N], seconds) where they are uneven.

    Headers of mkv and webm files hold the rate that was meant, which recordings by browsers and phones need not keep.
    """
    if len(times) < 2 or times[-1] <= 0:
        return info
    mean = (len(times) - 1) / float(times[-1])
    rate = mean if info.frame_rate is None or abs(info.frame_rate / mean - 1) > _SAME_RATE else info.frame_rate
    even = np.arange(len(times)) / mean
    uneven = np.abs(times - even).max() > _LARGEST_SHIFT / mean
    return replace(info, frame_rate=rate, times=times if uneven else None)


def _of_size(path: str | Path, image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    if image.shape[1::-1] != size:
        raise ClipError(
            path,
            f'the frame size changes from {size} to {image.shape[1::-1]} within the video.',
            'Convert it to one size.',
        )
    return image


def _reason(error: Exception) -> str:
    if isinstance(error, IndexError):  # there is no video stream
        return 'it holds no pictures'
    return getattr(error, 'strerror', None) or str(error)

"""Frames out of videos: the asked ones, exactly, whatever the codec (docs/hand_crops.md)."""

from unisign.datasets.video_readers.decord_reader import DecordReader
from unisign.datasets.video_readers.image_folder_reader import ImageFolderReader
from unisign.datasets.video_readers.open_video import open_stream, open_video
from unisign.datasets.video_readers.pyav_reader import PyAVReader
from unisign.datasets.video_readers.video_files import VideoFiles
from unisign.datasets.video_readers.video_reader import VideoInfo, VideoReader

__all__ = [
    'DecordReader',
    'ImageFolderReader',
    'PyAVReader',
    'VideoFiles',
    'VideoInfo',
    'VideoReader',
    'open_stream',
    'open_video',
]

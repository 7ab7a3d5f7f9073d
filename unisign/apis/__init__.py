"""The library from Python: a model from a config, text from videos and keypoints."""

from unisign.apis.inferencer import SignInferencer
from unisign.apis.live import LiveText, LiveTranslator
from unisign.apis.live_sources import Camera, GrowingFile, Recording
from unisign.apis.long_video import LongVideoTranslator, SegmentTranslation
from unisign.apis.model import init_model
from unisign.apis.translate import translate_poses
from unisign.apis.translation import Translation
from unisign.apis.video_download import DownloadLimits

__all__ = [
    'Camera',
    'DownloadLimits',
    'GrowingFile',
    'LiveText',
    'LiveTranslator',
    'LongVideoTranslator',
    'Recording',
    'SegmentTranslation',
    'SignInferencer',
    'Translation',
    'init_model',
    'translate_poses',
]

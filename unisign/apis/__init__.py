"""The library from Python: a model from a config, text from keypoints."""

from unisign.apis.model import init_model
from unisign.apis.translate import translate_poses

__all__ = ['init_model', 'translate_poses']

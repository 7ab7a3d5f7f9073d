"""Models: backbones, necks, heads, losses, language models, and the ``UniSign`` model that joins them."""

from unisign.models.backbones import EfficientNet, HandCropEncoder, PartGCNEncoder, SmallConvNet
from unisign.models.data_preprocessor import SignDataPreprocessor
from unisign.models.heads import MT5GenerationHead
from unisign.models.necks import ConcatFusion, CrossAttentionFusion, PriorGuidedFusion
from unisign.models.unisign import UniSign

__all__ = [
    'ConcatFusion',
    'CrossAttentionFusion',
    'EfficientNet',
    'HandCropEncoder',
    'MT5GenerationHead',
    'PartGCNEncoder',
    'PriorGuidedFusion',
    'SignDataPreprocessor',
    'SmallConvNet',
    'UniSign',
]

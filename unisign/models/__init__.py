"""Models: backbones, heads, losses, language models, and the ``UniSign`` model that joins them."""

from unisign.models.backbones import PartGCNEncoder
from unisign.models.data_preprocessor import SignDataPreprocessor
from unisign.models.heads import MT5GenerationHead
from unisign.models.unisign import UniSign

__all__ = ['MT5GenerationHead', 'PartGCNEncoder', 'SignDataPreprocessor', 'UniSign']

"""Necks: what joins features of several kinds."""

from unisign.models.necks.concat_fusion import ConcatFusion
from unisign.models.necks.cross_attention_fusion import CrossAttentionFusion
from unisign.models.necks.prior_guided_fusion import PriorGuidedFusion
from unisign.models.necks.sampled_hands import FusionExplanation

__all__ = ['ConcatFusion', 'CrossAttentionFusion', 'FusionExplanation', 'PriorGuidedFusion']

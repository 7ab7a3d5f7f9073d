"""``CrossAttentionFusion``: the prior-guided fusion without its guidance, to compare with."""

import torch
from torch import Tensor, nn

from unisign.models.backbones import SpatialFeatures
from unisign.models.necks.crop_attention import CropAttention
from unisign.models.necks.fusion_gate import FusionGate
from unisign.models.necks.sampled_hands import FusionExplanation, explain_by_side, put_hands_back, take_hands
from unisign.registry import MODELS


@MODELS.register_module()
class CrossAttentionFusion(nn.Module):
    """Step 1 of ``PriorGuidedFusion`` and its gate: keypoints look at the whole crop, nothing is read beside them.

    Args:
        channels: of the hand's spatial features and of the crops.
        num_heads: attention heads.
        gate_bias: start of the gate, which then gives tanh(gate_bias); positive. See ``FusionGate``.
        gate_lr_mult: learning rate of the gate, as a factor on the base one.

    Raises:
        DataError: for widths and heads that do not fit together, or a closed gate.
    """

    def __init__(
        self, channels: int = 256, num_heads: int = 8, gate_bias: float = 0.5, gate_lr_mult: float = 0.1
    ) -> None:
        super().__init__()
        self.channels = channels
        self.attention = CropAttention(channels, num_heads)
        self.gate = FusionGate(channels, gate_bias, gate_lr_mult)

    def forward(
        self, features: SpatialFeatures, hands: dict[str, dict[str, Tensor]], crops: dict[str, Tensor]
    ) -> SpatialFeatures:
        """Return the features with the sampled hands fused; arguments as for ``PriorGuidedFusion``."""
        sampled = take_hands(features, hands, crops)
        read = self.attention(sampled.features, sampled.keypoints, sampled.crops)
        return put_hands_back(features, sampled, self.gate(read, sampled.features)[0])

    @torch.no_grad()
    def explain(
        self, features: SpatialFeatures, hands: dict[str, dict[str, Tensor]], crops: dict[str, Tensor]
    ) -> dict[str, FusionExplanation]:
        """Return the gate of each sampled hand, by side; arguments as for ``forward``."""
        sampled = take_hands(features, hands, crops)
        read = self.attention(sampled.features, sampled.keypoints, sampled.crops)
        return explain_by_side(hands, self.gate(read, sampled.features)[1])

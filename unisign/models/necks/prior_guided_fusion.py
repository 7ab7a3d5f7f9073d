"""``PriorGuidedFusion``: pose features of the hands learn from the pictures, guided by the keypoints."""

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from unisign.models.backbones import SpatialFeatures
from unisign.models.necks.crop_attention import CropAttention
from unisign.models.necks.deformable_attention import DeformableAttention, relative_to_crop
from unisign.models.necks.fusion_gate import FusionGate
from unisign.models.necks.sampled_hands import FusionExplanation, explain_by_side, put_hands_back, take_hands
from unisign.registry import MODELS


@MODELS.register_module()
class PriorGuidedFusion(nn.Module):
    """Prior-guided fusion (PGF) of spec.md section 5 ("Uni-Sign", ICLR 2025, section 3.3).

    All hands with a picture, of both sides and all clips, go through it as one batch with the same weights. The others
    are not touched.

    Args:
        channels: of the hand's spatial features and of the crops.
        num_heads: heads of both attentions, and groups of offsets.
        gate_bias: start of the gate, which then gives tanh(gate_bias); positive. See ``FusionGate``.
        gate_lr_mult: learning rate of the gate, as a factor on the base one.
        with_cp: activation checkpointing: compute the fusion again in the backward pass instead of storing its inner
            values (mostly those of the position bias, 441 pairs of points a head).

    Raises:
        DataError: for widths and heads that do not fit together, or a closed gate.
    """

    def __init__(
        self,
        channels: int = 256,
        num_heads: int = 8,
        gate_bias: float = 0.5,
        gate_lr_mult: float = 0.1,
        with_cp: bool = False,
    ) -> None:
        super().__init__()
        self.channels = channels
        self.crop_attention = CropAttention(channels, num_heads)
        self.deformable_attention = DeformableAttention(channels, num_heads)
        self.gate = FusionGate(channels, gate_bias, gate_lr_mult)
        self.unused_linear = UnusedLinear(channels)
        self.with_cp = with_cp

    def forward(
        self, features: SpatialFeatures, hands: dict[str, dict[str, Tensor]], crops: dict[str, Tensor]
    ) -> SpatialFeatures:
        """Return the features with the sampled hands fused.

        Args:
            features: of the whole batch.
            hands: ``left`` and ``right`` -> ``keypoints`` float [n, 21, 2] relative to the crop, ``clip`` long [n],
                ``frame`` long [n] in the clip; n may be 0.
            crops: ``left`` and ``right`` -> encoded pictures [n, C, h, w].
        """
        sampled = take_hands(features, hands, crops)
        tensors = (sampled.features, sampled.keypoints, sampled.crops)
        checkpointed = self.with_cp and self.training
        fused, *_ = checkpoint(self._fuse, *tensors, use_reentrant=False) if checkpointed else self._fuse(*tensors)
        return put_hands_back(features, sampled, fused)

    @torch.no_grad()
    def explain(
        self, features: SpatialFeatures, hands: dict[str, dict[str, Tensor]], crops: dict[str, Tensor]
    ) -> dict[str, FusionExplanation]:
        """Return gate and sampling points of each sampled hand, by side; arguments as for ``forward``."""
        sampled = take_hands(features, hands, crops)
        _, gate, places = self._fuse(sampled.features, sampled.keypoints, sampled.crops)
        return explain_by_side(hands, gate, relative_to_crop(places))

    def _fuse(self, features: Tensor, keypoints: Tensor, crops: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the fused features [N, C, V], the gate [N, V] and the sampling points [N, G, V, 2]."""
        attended = self.crop_attention(features, keypoints, crops)
        read, places = self.deformable_attention(features + attended, keypoints, crops)
        fused, gate = self.gate(read, features)
        return fused, gate, places


class UnusedLinear(nn.Module):
    """Weights that the published files hold and no formula uses: carried along, never trained.

    Args:
        channels: width.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer('weight', torch.zeros(channels, channels))
        self.register_buffer('bias', torch.zeros(channels))

"""``ConcatFusion``: crop and keypoints side by side through a linear layer, to compare with."""

import torch
from torch import Tensor, nn

from unisign.models.backbones import SpatialFeatures
from unisign.models.necks.sampled_hands import FusionExplanation, explain_by_side, put_hands_back, take_hands
from unisign.registry import MODELS


@MODELS.register_module()
class ConcatFusion(nn.Module):
    """A linear layer on each keypoint's feature and the mean of the crop's.

    It starts with the identity on the keypoint's half, so that a pose encoder trained before finds its features again,
    as it does behind the gate of the other fusions.

    Args:
        channels: of the hand's spatial features and of the crops.
    """

    def __init__(self, channels: int = 256) -> None:
        super().__init__()
        self.channels = channels
        self.linear = nn.Linear(2 * channels, channels)
        with torch.no_grad():
            self.linear.weight[:, channels:] = torch.eye(channels)

    def forward(
        self, features: SpatialFeatures, hands: dict[str, dict[str, Tensor]], crops: dict[str, Tensor]
    ) -> SpatialFeatures:
        """Return the features with the sampled hands fused; arguments as for ``PriorGuidedFusion``."""
        sampled = take_hands(features, hands, crops)
        points = sampled.features.transpose(1, 2)  # N V C
        pooled = sampled.crops.mean(dim=(2, 3))[:, None].expand_as(points).to(points.dtype)
        fused = self.linear(torch.cat([pooled, points], dim=-1))
        return put_hands_back(features, sampled, fused.transpose(1, 2))

    def explain(
        self, features: SpatialFeatures, hands: dict[str, dict[str, Tensor]], crops: dict[str, Tensor]
    ) -> dict[str, FusionExplanation]:
        """Return empty explanations by side: there is neither a gate nor a place that is read."""
        return explain_by_side(hands, None)

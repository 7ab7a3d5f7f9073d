"""Backbones: what turns poses and pictures of hands into features."""

from unisign.models.backbones.efficient_net import EfficientNet
from unisign.models.backbones.hand_crop_encoder import HandCropEncoder
from unisign.models.backbones.part_gcn_encoder import NETWORK_PARTS, PartGCNEncoder, SpatialFeatures
from unisign.models.backbones.small_conv_net import SmallConvNet

__all__ = ['NETWORK_PARTS', 'EfficientNet', 'HandCropEncoder', 'PartGCNEncoder', 'SmallConvNet', 'SpatialFeatures']

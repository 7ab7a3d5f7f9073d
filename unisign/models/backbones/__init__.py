"""Backbones: what turns poses into features."""

from unisign.models.backbones.part_gcn_encoder import PartGCNEncoder, SpatialFeatures

__all__ = ['PartGCNEncoder', 'SpatialFeatures']

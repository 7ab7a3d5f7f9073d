"""Losses."""

from unisign.models.losses.label_smoothing import smoothed_cross_entropy
from unisign.models.losses.linear_cross_entropy import LossAndAccuracy, linear_cross_entropy

__all__ = ['LossAndAccuracy', 'linear_cross_entropy', 'smoothed_cross_entropy']

"""Losses."""

from unisign.models.losses.label_smoothing import smoothed_cross_entropy
from unisign.models.losses.linear_cross_entropy import LossAndAccuracy, linear_cross_entropy
from unisign.models.losses.process_mean import mean_over_processes

__all__ = ['LossAndAccuracy', 'linear_cross_entropy', 'mean_over_processes', 'smoothed_cross_entropy']

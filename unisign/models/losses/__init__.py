"""Losses."""

from unisign.models.losses.label_smoothing import smoothed_cross_entropy
from unisign.models.losses.process_mean import mean_over_processes

__all__ = ['mean_over_processes', 'smoothed_cross_entropy']

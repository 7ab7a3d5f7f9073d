"""Losses."""

from unisign.models.losses.label_smoothing import smoothed_cross_entropy

__all__ = ['smoothed_cross_entropy']

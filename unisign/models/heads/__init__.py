"""Heads: what turns features into text."""

from unisign.models.heads.mt5_generation_head import MT5GenerationHead

__all__ = ['MT5GenerationHead']

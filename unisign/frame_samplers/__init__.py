"""Which frames of a clip are read.

A frame sampler is called with ``(num_frames, max_frames, rng)`` and returns sorted int64 indices into the clip.
"""

from unisign.frame_samplers.even_frame_sampler import EvenFrameSampler
from unisign.frame_samplers.random_frame_sampler import RandomFrameSampler

__all__ = ['EvenFrameSampler', 'RandomFrameSampler']

"""Which frames of a clip are read.

A frame sampler is called with ``(num_frames, max_frames, rng=None, scores=None)`` and returns sorted int64 indices into
the frames it may choose from. Without ``rng`` its choice is always the same.
"""

from unisign.frame_samplers.even_frame_sampler import EvenFrameSampler
from unisign.frame_samplers.random_frame_sampler import RandomFrameSampler
from unisign.frame_samplers.score_aware_frame_sampler import ScoreAwareFrameSampler, score_weights

__all__ = ['EvenFrameSampler', 'RandomFrameSampler', 'ScoreAwareFrameSampler', 'score_weights']

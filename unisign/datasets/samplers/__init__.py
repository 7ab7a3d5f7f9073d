"""Samplers and batch samplers: which clips make up a batch, on which rank."""

from unisign.datasets.samplers.epoch_sampler import EpochSampler
from unisign.datasets.samplers.eval_batch_sampler import EvalBatchSampler
from unisign.datasets.samplers.length_bucket_batch_sampler import LengthBucketBatchSampler
from unisign.datasets.samplers.mixture_sampler import MixtureSampler

__all__ = ['EpochSampler', 'EvalBatchSampler', 'LengthBucketBatchSampler', 'MixtureSampler']

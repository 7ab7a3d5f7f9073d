"""Steps of a data pipeline: callables from a results dict to a results dict.

Keys of the dict at the start of a pipeline: see ``unisign.datasets.SignDataset``.
"""

from unisign.datasets.transforms import spatial_augmentation, temporal_augmentation  # registers the augmentations
from unisign.datasets.transforms.formatting import NormalizeParts, PackSignInputs
from unisign.datasets.transforms.loading import LoadPoses, SampleFrames
from unisign.datasets.transforms.part_normalization import normalize_parts

__all__ = [
    'LoadPoses',
    'NormalizeParts',
    'PackSignInputs',
    'SampleFrames',
    'normalize_parts',
    'spatial_augmentation',
    'temporal_augmentation',
]

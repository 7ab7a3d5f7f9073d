"""Steps of a data pipeline: callables from a results dict to a results dict.

Keys of the dict at the start of a pipeline: see ``unisign.datasets.SignDataset``.
"""

# These three register the augmentations.
from unisign.datasets.transforms import hand_augmentation, spatial_augmentation, temporal_augmentation
from unisign.datasets.transforms.formatting import NormalizeParts, PackSignInputs
from unisign.datasets.transforms.hand_loading import LoadHandCrops, SampleHandFrames
from unisign.datasets.transforms.loading import LoadPoses, SampleFrames
from unisign.datasets.transforms.part_normalization import normalize_parts

__all__ = [
    'LoadHandCrops',
    'LoadPoses',
    'NormalizeParts',
    'PackSignInputs',
    'SampleFrames',
    'SampleHandFrames',
    'hand_augmentation',
    'normalize_parts',
    'spatial_augmentation',
    'temporal_augmentation',
]

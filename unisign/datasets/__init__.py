"""From annotations and pose stores to batches: datasets, transforms, samplers, collate."""

from unisign.datasets import samplers, transforms  # registers them
from unisign.datasets.annotations import Annotation, AnnotationFile, write_annotations
from unisign.datasets.collate import sign_collate
from unisign.datasets.sign_dataset import SignDataset
from unisign.datasets.transforms.part_normalization import normalize_parts

__all__ = [
    'Annotation',
    'AnnotationFile',
    'SignDataset',
    'normalize_parts',
    'samplers',
    'sign_collate',
    'transforms',
    'write_annotations',
]

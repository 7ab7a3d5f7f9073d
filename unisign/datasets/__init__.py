"""From annotations and pose stores to batches: datasets, transforms, samplers, collate."""

from unisign.datasets import samplers, transforms, video_readers  # registers them
from unisign.datasets.annotations import Annotation, AnnotationFile, write_annotations
from unisign.datasets.collate import sign_collate
from unisign.datasets.concat_sign_dataset import ConcatSignDataset
from unisign.datasets.hand_crops import crop_hands, frame_cutter, hand_boxes
from unisign.datasets.sign_dataset import SignDataset
from unisign.datasets.transforms.part_normalization import normalize_parts

__all__ = [
    'Annotation',
    'AnnotationFile',
    'ConcatSignDataset',
    'SignDataset',
    'crop_hands',
    'frame_cutter',
    'hand_boxes',
    'normalize_parts',
    'samplers',
    'sign_collate',
    'transforms',
    'video_readers',
    'write_annotations',
]

"""Containers that travel between the rooms of the library."""

from unisign.structures.errors import ClipError, DataError
from unisign.structures.keypoint_layout import KEYPOINT_MIRROR, KEYPOINT_NAMES, NUM_KEYPOINTS, PART_NAMES, PARTS, Part
from unisign.structures.poses import Poses
from unisign.structures.sign_data_sample import SignDataSample

__all__ = [
    'KEYPOINT_MIRROR',
    'KEYPOINT_NAMES',
    'NUM_KEYPOINTS',
    'PARTS',
    'PART_NAMES',
    'ClipError',
    'DataError',
    'Part',
    'Poses',
    'SignDataSample',
]

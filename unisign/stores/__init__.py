"""Poses on disk: published pickles, ``.npz`` files and the packed store; and packed pieces of video around the hands.

A pose store has ``read(key) -> Poses``, ``num_frames(key)``, ``known_lengths(keys)``, ``keys()``, ``in``, and says by
``keys_are_paths`` whether its keys are looked up as files.
"""

from unisign.stores.npz import read_npz, write_npz
from unisign.stores.packed_format import USED_POINTS
from unisign.stores.packed_store import PackedPoseStore
from unisign.stores.packed_window_writer import PackedWindowWriter
from unisign.stores.packed_windows import PackedHandWindows
from unisign.stores.packed_writer import PackedPoseWriter
from unisign.stores.pose_files import POSE_SUFFIXES, PoseFiles
from unisign.stores.pose_format_files import read_pose_file, write_pose_file
from unisign.stores.published_pickle import read_published_pickle, write_published_pickle
from unisign.stores.restricted_pickle import load_restricted_pickle, loads_restricted

__all__ = [
    'POSE_SUFFIXES',
    'USED_POINTS',
    'PackedHandWindows',
    'PackedPoseStore',
    'PackedPoseWriter',
    'PackedWindowWriter',
    'PoseFiles',
    'load_restricted_pickle',
    'loads_restricted',
    'read_npz',
    'read_pose_file',
    'read_published_pickle',
    'write_npz',
    'write_pose_file',
    'write_published_pickle',
]

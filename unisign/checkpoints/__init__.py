"""Checkpoints: reading them safely, and the names of the published ones."""

from unisign.checkpoints.loading import load_state_dict_file, load_weights, misfits, read_state_dict
from unisign.checkpoints.official import from_official, is_official, to_official

__all__ = [
    'from_official',
    'is_official',
    'load_state_dict_file',
    'load_weights',
    'misfits',
    'read_state_dict',
    'to_official',
]

"""Checkpoints: reading them safely, the names of the published ones, and the model zoo."""

from unisign.checkpoints.loading import load_state_dict_file, load_weights, misfits, read_state_dict
from unisign.checkpoints.official import from_official, is_official, to_official
from unisign.checkpoints.zoo import is_zoo_name, zoo_models
from unisign.checkpoints.zoo_weights import checkpoint_file, fetch_weights

__all__ = [
    'checkpoint_file',
    'fetch_weights',
    'from_official',
    'is_official',
    'is_zoo_name',
    'load_state_dict_file',
    'load_weights',
    'misfits',
    'read_state_dict',
    'to_official',
    'zoo_models',
]

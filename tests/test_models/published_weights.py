"""The published model with seeded weights, for the golden tests."""

import importlib.util
import json
from pathlib import Path

import torch

from unisign.models.backbones.skeleton_graph import hop_adjacency
from unisign.structures import PARTS


def published_weights(shared: Path, kind: str) -> dict[str, torch.Tensor]:
    """Return the state dict of the published ``pose`` or ``rgb`` model, under its names."""
    folder = shared / 'golden'
    spec = importlib.util.spec_from_file_location('golden_weights', folder / 'weights.py')
    weights = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(weights)
    names = json.loads((folder / 'official_state_dict.json').read_text())[kind]
    parts = {name: PARTS[name.split('.')[1]] for name in names if name.endswith('.A')}
    return weights.fill(names, 1, {name: hop_adjacency(len(part), part.edges) for name, part in parts.items()})

"""Where randomness comes from: seeds in the config, and one for every batch."""

import inspect
import random
from collections.abc import MutableMapping
from typing import Any

import numpy as np
import torch

from unisign.registry import DATASETS

DEFAULT_SEED = 42


def set_seeds(cfg: MutableMapping[str, Any]) -> list[str]:
    """Give ``randomness.seed`` to every dataset that takes a seed and has none; returns notes for the log."""
    randomness = cfg.setdefault('randomness', {})
    notes = []
    if randomness.get('seed') is None:
        randomness['seed'] = DEFAULT_SEED
        notes.append(f'randomness.seed is not set: {DEFAULT_SEED} is used.')
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        loader = cfg.get(name)
        if isinstance(loader, MutableMapping):
            _seed_datasets(loader.get('dataset'), randomness['seed'])
    return notes


def _seed_datasets(dataset: Any, seed: int) -> None:
    if isinstance(dataset, list | tuple):
        for part in dataset:
            _seed_datasets(part, seed)
    elif isinstance(dataset, MutableMapping) and 'type' in dataset:
        kind = DATASETS.get(dataset['type']) if isinstance(dataset['type'], str) else dataset['type']
        if 'seed' in inspect.signature(kind.__init__).parameters:
            dataset.setdefault('seed', seed)
        for part in (dataset.get('dataset'), dataset.get('datasets')):  # wrappers such as ConcatDataset
            _seed_datasets(part, seed)


def seed_step(seed: int, iteration: int, rank: int) -> None:
    """Seed Python's, numpy's and PyTorch's generators from what identifies one batch on one process."""
    words = np.random.SeedSequence([seed, iteration, rank]).generate_state(4)
    random.seed(int(words[0]))
    np.random.seed(int(words[1]))
    torch_seed = int(words[2]) << 32 | int(words[3])
    torch.default_generator.manual_seed(torch_seed)
    if torch.cuda.is_available():
        torch.cuda.manual_seed(torch_seed)

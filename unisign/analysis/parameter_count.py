"""How many parameters the parts of a config's model have."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from unisign.analysis.text_table import format_table
from unisign.engine.config_check import check_config, read_config
from unisign.registry import MODELS
from unisign.structures import DataError

# Where the parts of a ``UniSign`` are; what is in none of them is named by its own first name.
_PARTS = {
    'pose encoder': 'pose_encoder',
    'RGB encoder': 'rgb_encoder',
    'fusion': 'fusion',
    'language model': 'head.language_model',
}
# Layers of the published file that compute nothing; kept as buffers, so that the file can be written again.
_UNUSED = 'unused_linear'


@dataclass(frozen=True)
class PartSize:
    """Parameters of one part.

    Attributes:
        name: of the part.
        trainable: parameters that are trained.
        frozen: those that are not.
    """

    name: str
    trainable: int
    frozen: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.trainable + self.frozen


@dataclass(frozen=True)
class ModelSize:
    """Parameters of a model; what two parts share counts once.

    Attributes:
        parts: in the order of the data.
        unused: numbers in layers of the published file that compute nothing.
    """

    parts: tuple[PartSize, ...]
    unused: int

    @property
    def total(self) -> PartSize:
        """The whole model, without ``unused``."""
        return PartSize('total', sum(one.trainable for one in self.parts), sum(one.frozen for one in self.parts))


def count_parameters(config: str | Path, options: Mapping[str, Any] | None = None) -> ModelSize:
    """Count the parameters of a config's model, which is built without values: no weights are read, nothing is fetched.

    Args:
        config: path of a config file.
        options: entries to change, by dotted key.

    Raises:
        DataError: if the config, or the config of its language model, is missing or wrong.
    """
    cfg = read_config(config, options)
    if cfg.get('model') is None:
        raise DataError(config, "has no model = dict(type='UniSign', ..).", 'See configs/_base_/models.')
    check_config(cfg)
    with torch.device('meta'):
        return size_of(MODELS.build(cfg.model.to_dict()))


def size_of(model: nn.Module) -> ModelSize:
    """Return the size of a model."""
    counts: dict[str, list[int]] = {name: [0, 0] for name in _PARTS}
    for name, weight in model.named_parameters():
        counts.setdefault(_part_of(name), [0, 0])[not weight.requires_grad] += weight.numel()
    parts = tuple(PartSize(name, *count) for name, count in counts.items() if any(count))
    unused = sum(value.numel() for name, value in model.named_buffers() if _UNUSED in name.split('.'))
    return ModelSize(parts, unused)


def size_table(size: ModelSize) -> str:
    """Return a table of the parts, in millions."""
    rows = [_row(one) for one in (*size.parts, size.total)]
    if size.unused:
        with_unused = (size.total.total + size.unused) / 1e6
        rows.append(['unused layer of the published file', f'{size.unused / 1e6:.3f}', '', ''])
        rows.append(['total with it', f'{with_unused:.3f}', '', ''])
    return format_table(['part', 'M parameters', 'trainable', 'frozen'], rows)


def _row(part: PartSize) -> list[str]:
    return [part.name, *(f'{count / 1e6:.3f}' for count in (part.total, part.trainable, part.frozen))]


def _part_of(name: str) -> str:
    found = [part for part, prefix in _PARTS.items() if name.startswith(prefix + '.')]
    return found[0] if found else name.split('.')[0]

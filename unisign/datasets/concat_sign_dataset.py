"""``ConcatSignDataset``: several datasets, also of different languages and tasks, as one."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from torch.utils.data import Dataset

from unisign.registry import DATASETS
from unisign.structures import DataError


@DATASETS.register_module()
class ConcatSignDataset(Dataset):
    """The clips of several datasets, one dataset behind the other.

    Each clip keeps what its own dataset gives it: name, task, language, pipeline. Scores and failed clips are told
    apart by the name, so names must differ. How often the clips of each are drawn in training is up to
    ``MixtureSampler``.

    Args:
        datasets: configs of datasets, or datasets, with different names; a dataset of this class among them is taken
            apart.

    Attributes:
        datasets: the datasets.
        sizes: name -> number of clips, in that order.

    Raises:
        DataError: if there is none, or two have the same name.
    """

    def __init__(self, datasets: Sequence[dict | Dataset]) -> None:
        built = [DATASETS.build(one) if isinstance(one, dict) else one for one in datasets]
        self.datasets: list[Any] = [part for one in built for part in single_datasets(one)]
        if not self.datasets:
            raise DataError('ConcatSignDataset', 'is given no datasets.', 'List at least one in datasets=[..].')
        names = [dataset.name for dataset in self.datasets]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise DataError(
                'ConcatSignDataset',
                f'{names.count(twice[0])} of its datasets are called {twice[0]!r}.',
                "Give each a name of its own, such as name='csl-news': scores are listed by it.",
            )
        self.sizes: dict[str, int] = {dataset.name: len(dataset) for dataset in self.datasets}
        self._ends = np.cumsum([len(dataset) for dataset in self.datasets])

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __getitem__(self, index: int | tuple[int, int]) -> dict:
        """Return what the clip's own dataset gives for ``index``, or for ``(epoch, index)``."""
        epoch, index = index if isinstance(index, tuple) else (0, index)
        dataset, own_index = self.locate(index)
        return dataset[epoch, own_index]

    def locate(self, index: int) -> tuple[Any, int]:
        """Return the dataset of clip ``index``, and the clip's index in it.

        Raises:
            IndexError: if there is no such clip.
        """
        if not 0 <= index < len(self):
            raise IndexError(f'clip {index} of {len(self)}')
        number = int(np.searchsorted(self._ends, index, side='right'))
        return self.datasets[number], index - (int(self._ends[number - 1]) if number else 0)

    @property
    def lengths(self) -> np.ndarray:
        """Frames of each clip, int64 [N], see ``SignDataset.lengths``."""
        return np.concatenate([dataset.lengths for dataset in self.datasets])

    @property
    def metainfo(self) -> dict:
        """What evaluators are told: ``datasets``, the metainfo of each."""
        return {'datasets': [getattr(dataset, 'metainfo', {}) for dataset in self.datasets]}


def single_datasets(dataset: Any) -> Iterator[Any]:
    """Yield the datasets inside wrappers such as ``ConcatSignDataset``, or the dataset itself."""
    parts = getattr(dataset, 'datasets', None) or [getattr(dataset, 'dataset', None)]
    for part in parts:
        if part is None:
            yield dataset
        else:
            yield from single_datasets(part)


def single_configs(config: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the configs of the datasets inside one such as that of a ``ConcatSignDataset``, or the config itself."""
    parts = config.get('datasets') or ([config['dataset']] if config.get('dataset') else [])
    return [single for part in parts for single in single_configs(part)] if parts else [config]

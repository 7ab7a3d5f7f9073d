"""The page that goes with published weights."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config

from unisign.datasets.concat_sign_dataset import single_configs
from unisign.structures import DataError
from unisign.version import __version__

CARD = 'README.md'
TASK_NAMES = {
    'islr': 'isolated sign recognition (a word for a clip)',
    'cslr': 'continuous sign recognition (glosses for a sentence)',
    'slt': 'sign-language translation (text for a sentence)',
}
_PAGE = """---
license: {licence}
library_name: unisign
{language}tags: [sign-language, {task}]
---
# {name}

Weights of a Uni-Sign model ([arXiv:2501.15187](https://arxiv.org/abs/2501.15187)) for `unisign` {version}.

| | |
|---|---|
| config | `{name}.py` |
| task | {task}: {task_name} |
| data | {data} |
| input | {modality} |
| language model | `{language_model}` |
| weights | {weights:.3f} M |
| file | `{file}`, {megabytes:.1f} MB |
| SHA-256 | `{sha256}` |
| licence | {licence} |

## Scores
{scores}

## How to use
A config is code, so none lies here: take `{name}.py` from the library's `configs/`, or from those who trained
it, with the language model{labels} that it names. Nothing in the file is run when it is read.

```python
from unisign.apis import SignInferencer

inferencer = SignInferencer('{name}.py', '{file}')
```

```bash
python demo/translate.py VIDEO --model {name}.py --checkpoint {file}
python tools/test.py {name}.py {file}
```
"""


def task_and_data(cfg: Config, name: str, task: str | None = None, data: str | None = None) -> tuple[str, str]:
    """Return task and corpus: those given, else those of the config's test data.

    Raises:
        DataError: if neither tells them, or the task is unknown.
    """
    datasets = _test_data(cfg)
    tasks = {dataset.get('task') for dataset in datasets}
    task = task or (tasks.pop() if len(tasks) == 1 else None)
    names = dict.fromkeys(Path(dataset.get('data_root') or '').name for dataset in datasets)
    data = data or ', '.join(filter(None, names))
    if task not in TASK_NAMES or not data:
        raise DataError(
            name,
            f'the config tells the task {task!r} and the data {data!r}; a card needs both.',
            f'Give --task ({", ".join(TASK_NAMES)}) and --data.',
        )
    return task, data


def check_licence(licence: str) -> None:
    """Refuse what is no name of a licence.

    Raises:
        DataError: if it holds anything but letters, digits, dots and dashes.
    """
    if not re.fullmatch(r'[A-Za-z0-9.-]+', licence):
        raise DataError(
            f'licence {licence!r}',
            'expected a short name.',
            'Name it as the hub does: cc-by-nc-4.0, apache-2.0, other.',
        )


def model_card(
    cfg: Config,
    name: str,
    path: Path,
    *,
    sha256: str,
    weights: int,
    licence: str,
    task: str,
    data: str,
    metrics: Mapping[str, float] | None = None,
) -> str:
    """Return the model card of a file of weights: Markdown, with the hub's header.

    Args:
        cfg: the config.
        name: its name.
        path: the file of weights.
        sha256: its checksum.
        weights: how many it holds.
        licence: of the weights.
        task: islr, cslr or slt.
        data: name of the corpus.
        metrics: scores by name.
    """
    model = cfg.model
    languages = dict.fromkeys(dataset.get('lang') for dataset in _test_data(cfg))
    language = ', '.join(filter(None, languages))
    return _PAGE.format(
        licence=licence,
        language=f'language: [{language}]\n' if ',' in language else f'language: {language}\n' if language else '',
        task=task,
        name=name,
        version=__version__,
        task_name=TASK_NAMES[task],
        data=data,
        modality='keypoints, and pictures of the hands' if model.get('rgb_encoder') else 'keypoints',
        language_model=_without_folders(str(model.head.language_model)),
        weights=weights / 1e6,
        file=path.name,
        megabytes=path.stat().st_size / 1e6,
        sha256=sha256,
        scores=_scores(metrics),
        labels=' and the lists of classes' if model.head.get('vocabularies') else '',
    )


def _test_data(cfg: Config) -> list[Any]:
    return single_configs((cfg.get('test_dataloader') or {}).get('dataset') or {})


def _without_folders(name: str) -> str:
    """Return a folder on this machine by its name alone; a hub's name, such as google/mt5-base, as it is."""
    return Path(name).name if Path(name).is_dir() else name


def _scores(metrics: Mapping[str, float] | None) -> str:
    if not metrics:
        return 'None were given.'
    rows = [f'| {name} | {value:.2f} |' for name, value in metrics.items()]
    return '\n'.join(['From `tools/test.py`, with this config.', '', '| score | value |', '|---|---|', *rows])

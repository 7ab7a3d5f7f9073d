"""The tables of ``model_zoo.md``, written from the metafile, so that each figure stands in one place only."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from unisign.structures import DataError

NONE = '–'
PUBLISHED, OURS = '(published)', '(ours)'
_TABLE = re.compile(r'(<!-- table: (?P<name>\w+) -->\n).*?(<!-- end of table -->)', re.DOTALL)


def with_tables(page: str, metafile: Path) -> str:
    """Return a Markdown page with its tables written anew.

    Args:
        page: text with places ``<!-- table: scores -->`` or ``checkpoints``, up to ``<!-- end of table -->``.
        metafile: of the model zoo.

    Raises:
        DataError: if the page names another table, or lacks one.
    """
    models = yaml.safe_load(metafile.read_text(encoding='utf-8'))['Models']
    tables = {'scores': scores_table(models), 'checkpoints': checkpoints_table(models)}
    found = [place['name'] for place in _TABLE.finditer(page)]
    if sorted(found) != sorted(tables):
        raise DataError('model_zoo.md', f'has the tables {found}, expected {list(tables)}.', 'Put the marks back.')
    return _TABLE.sub(lambda place: f'{place[1]}{tables[place["name"]]}{place[3]}', page)


def scores_table(models: Iterable[Mapping[str, Any]]) -> str:
    """Return the models that have a task, with the published scores and ours in columns of their own."""
    rows = []
    for model in models:
        for result in model.get('Results', ()):
            cells = [_scores(result['Metrics'], kind) for kind in (PUBLISHED, OURS)]
            task = result['Task'].replace('Sign Language ', '').lower()
            rows.append([_link(model), result['Dataset'], task, model['Metadata']['Input'], *cells])
    return _table(['config', 'data', 'task', 'input', 'published', 'ours'], rows)


def checkpoints_table(models: Iterable[Mapping[str, Any]]) -> str:
    """Return all models, with where their weights lie."""
    rows = []
    for model in models:
        meta = model['Metadata']
        weights = [NONE] * 4
        if 'Weights' in model:
            name = f'[{model["Weights"].rpartition("/")[2]}]({model["Weights"]})'
            weights = [name, *(str(meta[f'Weights {key}']) for key in ('Size', 'SHA256', 'License'))]
        rows.append([model['Name'], ', '.join(meta['Training Data']), f'{meta["Parameters"] / 1e6:.3f} M', *weights])
    return _table(['name', 'trained on', 'parameters', 'file on the hub', 'bytes', 'SHA-256', 'licence'], rows)


def _scores(metrics: Mapping[str, float], kind: str) -> str:
    chosen = {name.removesuffix(kind).strip(): value for name, value in metrics.items() if name.endswith(kind)}
    digits = max((len(str(float(value)).partition('.')[2]) for value in chosen.values()), default=0)
    return ', '.join(f'{name} {value:.{digits}f}' for name, value in chosen.items()) or NONE


def _link(model: Mapping[str, Any]) -> str:
    return f'[{model["Name"]}]({model["Config"]})'


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ['---'] * len(head), *rows]
    return ''.join(f'| {" | ".join(line)} |\n' for line in lines)

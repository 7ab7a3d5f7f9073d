"""Writes small files in the corpora's own layouts."""

import gzip
import json
import pickle
from pathlib import Path


def write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content), encoding='utf-8')


def write_pickle(path: Path, content: object, gzipped: bool = True) -> None:
    data = pickle.dumps(content)
    path.write_bytes(gzip.compress(data) if gzipped else data)

"""What the demos' command lines share."""

import argparse
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which model answers, what it writes, and where it runs."""
    parser.add_argument('--model', required=True, help='config file, or the name of a config (model_zoo.md)')
    parser.add_argument(
        '--checkpoint',
        help="file, name in the model zoo, or a run's folder (default: work_dirs/<name>, then the zoo)",
    )
    parser.add_argument('--task', choices=['islr', 'cslr', 'slt'], help="what to write (default: the config's)")
    parser.add_argument('--lang', help="language of the text, such as en or zh (default: the config's)")
    parser.add_argument('--device', help='such as cpu or cuda:0 (default: the GPU if there is one)')
    parser.add_argument('--traceback', action='store_true', help='show the traceback of errors about data and config')


@contextmanager
def json_lines(path: str | None) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """Open a JSON Lines file, its folder made if need be, and give a function that writes a line at once.

    Args:
        path: of the file; None writes nothing.
    """
    if not path:
        yield lambda line: None
        return
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with Path(path).open('w', encoding='utf-8') as file:
        yield lambda line: print(json.dumps(line, ensure_ascii=False), file=file, flush=True)

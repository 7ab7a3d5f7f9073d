"""The zoo's weights by name: kept on this machine, fetched once by whichever process comes first."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from unisign.checkpoints.download import cache_folder
from unisign.checkpoints.hub import download_from_hub, in_hub_cache
from unisign.checkpoints.zoo import HubFile, nearest, zoo_model, zoo_models
from unisign.structures import DataError

_YES = {'1', 'ON', 'YES', 'TRUE'}  # what huggingface_hub takes for a yes


def checkpoint_file(path: str | Path) -> Path:
    """Return the file that a path names, or a name of the model zoo, whose weights are then fetched if need be.

    Every reader of checkpoints asks here, so the zoo's names are known wherever a checkpoint is. What exists is taken
    as a path.

    Args:
        path: of a file, which need not exist, or a name of the zoo.

    Raises:
        DataError: if it can only be a name and is none, or see ``fetch_weights``.
    """
    path = Path(path)
    if path.suffix or len(path.parts) != 1 or path.exists():
        return path
    models = zoo_models()
    if path.name not in models:
        raise DataError(path, 'there is no such checkpoint, nor such a name in the zoo.', nearest(path.name, models))
    return fetch_weights(path.name)


def zoo_folder() -> Path:
    """Return the folder that keeps the zoo's weights: ``zoo`` in the cache folder (``UNISIGN_CACHE``)."""
    return cache_folder() / 'zoo'


def fetch_weights(
    name: str,
    folder: str | Path | None = None,
    offline: bool = False,
    other_file: str | None = None,
    say: Callable[[str], None] | None = None,
) -> Path:
    """Return the published weights of an entry of the zoo, downloaded if they are not on this machine.

    ``HF_ENDPOINT`` names a mirror, ``HF_HUB_OFFLINE=1`` forbids the network, ``HF_TOKEN`` opens closed repositories.
    It goes on where an earlier try stopped, to the last 10 MB. Of several processes one downloads, the others wait.

    Args:
        name: of the entry.
        folder: where the file should lie; None takes ``zoo_folder()``.
        offline: use only what is there, whatever the environment says.
        other_file: the file's name on the hub, should the zoo's be wrong; here it keeps the zoo's.
        say: gets the licence, before anything is asked of the network, and what was checked; None prints to stderr.

    Raises:
        DataError: if there is no such entry, it has no weights, they cannot be fetched, or their size or checksum is
            wrong; the file is removed then.
    """
    weights = _weights_of(name)
    cached, say = zoo_folder() / weights.file_name, say or _print
    target = cached if folder is None else Path(folder) / weights.file_name
    if target.is_file():
        return target
    _make_writable(target.parent)
    with _only_one(target, say):
        if target.is_file():
            return target
        there = cached if cached.is_file() else in_hub_cache(weights)
        if there is not None and folder is None:
            return there
        if there is None and (offline or os.environ.get('HF_HUB_OFFLINE', '').upper() in _YES):
            raise DataError(
                name,
                f'{weights.file_name} is not on this machine, and the network may not be used.',
                f'Fetch {weights.url} elsewhere and lay it at {cached}.',
            )
        staging = target.with_name(f'.{target.name}.download')
        staging.mkdir(exist_ok=True)
        if there is not None:
            found = Path(shutil.copyfile(there, staging / target.name))
        else:
            found = download_from_hub(weights, staging, cached, other_file, say)
        found.replace(target)
        shutil.rmtree(staging)
    return target


def _weights_of(name: str) -> HubFile:
    model = zoo_model(name)
    if model.weights is None:
        raise DataError(
            name,
            'no published weights of it are known.',
            f'Train it with tools/train.py {name}, and name the checkpoint of that run.',
        )
    return model.weights


def _make_writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        problem = None if os.access(folder, os.W_OK) else 'no permission to write'
    except OSError as error:
        problem = error.strerror
    if problem:
        raise DataError(folder, f'weights cannot be kept there ({problem}).', 'Name another: --out, or UNISIGN_CACHE.')


def _print(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@contextmanager
def _only_one(target: Path, say: Callable[[str], None]) -> Iterator[None]:
    lock = FileLock(target.with_name(f'.{target.name}.lock'))
    try:
        lock.acquire(timeout=1)
    except Timeout:
        say(f'another process is fetching {target.name}: waiting for it')
        lock.acquire()
    try:
        yield
    finally:
        lock.release()

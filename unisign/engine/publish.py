"""A training's checkpoint made ready for others: weights alone, their hash, and a model card."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from unisign.checkpoints import load_state_dict_file, misfits
from unisign.engine.checkpoint_io import write_text_atomically
from unisign.engine.config_check import read_config
from unisign.engine.convert_official import same_bits, shared_embeddings, write_weights
from unisign.engine.model_card import CARD, check_licence, model_card, task_and_data
from unisign.engine.published_layout import config_layout
from unisign.optional import sha256_of
from unisign.structures import DataError
from unisign.version import __version__

_NOT_WEIGHTS = ('running_mean', 'running_var', 'num_batches_tracked', 'keypoint_encoding.frequencies')


def publish(
    checkpoint: str | Path,
    out_dir: str | Path,
    config: str | Path,
    licence: str,
    task: str | None = None,
    data: str | None = None,
    scores: str | Path | None = None,
) -> Path:
    """Write the weights of a checkpoint as safetensors, and a model card beside them.

    The optimizer's state, the schedulers and all else that a training keeps is left out.

    Args:
        checkpoint: the file, of this library or published.
        out_dir: folder for ``<config name>-<8 digits of the SHA-256>.safetensors`` and ``README.md``; made if it is not
            there, and refused if it holds a card already.
        config: the config that it was trained with; the weights must fit its model.
        licence: of the weights, such as ``cc-by-nc-4.0``.
        task: islr, cslr or slt; None takes that of the config's test data.
        data: name of the corpus; None takes the name of the config's data folder.
        scores: ``test_metrics.json`` that ``tools/test.py`` wrote for this checkpoint; None leaves them out.

    Returns:
        The weights' file.

    Raises:
        DataError: if a file is missing or wrong, the weights do not fit, the scores are of another checkpoint, or the
            config does not tell task and data. Nothing is written then.
    """
    out_dir, config = Path(out_dir), Path(config)
    card = out_dir / CARD
    if card.exists():
        raise DataError(card, 'is there already.', 'Name another folder, or remove it.')
    check_licence(licence)
    cfg = read_config(config)
    task, data = task_and_data(cfg, config.name, task, data)
    metrics = None if scores is None else read_scores(Path(scores), Path(checkpoint), config)
    state = load_state_dict_file(checkpoint)
    problems = misfits(state, config_layout(config))
    if problems:
        raise DataError(
            checkpoint, f'the weights do not fit the config. {problems}', 'Name the config it was trained with.'
        )
    path = _write_named_by_hash(out_dir, config.stem, state)
    text = model_card(
        cfg,
        config.stem,
        path,
        sha256=sha256_of(path),
        weights=_count_weights(state),
        licence=licence,
        task=task,
        data=data,
        metrics=metrics,
    )
    write_text_atomically(card, text)
    return path


def _write_named_by_hash(out_dir: Path, name: str, state: dict[str, Tensor]) -> Path:
    unnamed = out_dir / f'{name}.safetensors'
    write_weights(unnamed, state, 'state_dict', dict(unisign_version=__version__, config=name))
    written = load_state_dict_file(unnamed)
    if written.keys() != state.keys() or not all(same_bits(written[key], state[key]) for key in state):
        unnamed.unlink()
        raise DataError(unnamed, 'did not come back as it was written; removed.', 'Check that disk.')
    return unnamed.rename(out_dir / f'{name}-{sha256_of(unnamed)[:8]}.safetensors')


def _count_weights(state: Mapping[str, Tensor]) -> int:
    """Return how many weights there are; a shared embedding counts once, what is never trained not at all."""
    others = shared_embeddings(state)
    return sum(v.numel() for name, v in state.items() if name not in others and not name.endswith(_NOT_WEIGHTS))


def read_scores(path: Path, checkpoint: Path, config: Path) -> dict[str, float]:
    """Return the scores in a ``test_metrics.json``, which must be of this checkpoint and config.

    Raises:
        DataError: if it is missing, no such file, or of another checkpoint or config.
    """
    try:
        record: Any = json.loads(path.read_text(encoding='utf-8'))
        found = {key: float(value) for key, value in record['metrics'].items() if isinstance(value, int | float)}
        of = Path(record['checkpoint']), Path(record['config'])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            path,
            f'no scores of tools/test.py ({type(error).__name__}: {error}).',
            'Name the test_metrics.json in the --work-dir of the test.',
        ) from error
    for told, given in zip(of, (checkpoint, config), strict=True):
        if told.resolve() != given.resolve():
            raise DataError(path, f'holds the scores of {told}, not of {given}.', 'Test that one: tools/test.py.')
    return found


def push_to_hub(path: Path, repository: str) -> str:
    """Upload published weights and their card to the Hugging Face hub; return the page's address.

    Args:
        path: the weights' file, from :func:`publish`, beside its card.
        repository: ``user/name``; made if it is not there.

    Raises:
        DataError: if the hub cannot be reached or refuses.
    """
    from huggingface_hub import HfApi

    try:
        api = HfApi()
        page = api.create_repo(repository, exist_ok=True)
        api.upload_folder(
            repo_id=repository,
            folder_path=path.parent,
            allow_patterns=[path.name, CARD],
            commit_message=f'{path.name} and its card',
        )
    except (OSError, ValueError) as error:  # the hub's errors are of these kinds
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise DataError(
            repository,
            f'could not be written on the hub ({reason}).',
            f'{path.parent} is complete: log in (hf auth login, or HF_TOKEN), then upload it with hf upload.',
        ) from error
    return str(page)

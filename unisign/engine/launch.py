"""What ``tools/train.py`` and ``tools/test.py`` do, as functions: from a config file to a finished run."""

import gc
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dist import is_main_process

from unisign.checkpoints import checkpoint_file
from unisign.engine.checkpoint_io import (
    checkpoint_folder,
    find_best_checkpoint,
    find_last_checkpoint,
    write_text_atomically,
)
from unisign.engine.config_check import ConfigError, read_config
from unisign.engine.cpu_memory import keep_freed_memory
from unisign.engine.sign_runner import SignRunner
from unisign.registry import RUNNERS
from unisign.structures import DataError

TRACEBACK_VARIABLE = 'UNISIGN_TRACEBACK'


def prepare_config(
    config: str | Path,
    work_dir: str | None = None,
    options: Mapping[str, Any] | None = None,
    launcher: str = 'none',
) -> Config:
    """Read a config and set where it runs.

    Args:
        config: path of the config file, or the name of a config.
        work_dir: folder of the run; None takes the config's own, else ``work_dirs/<name of the config>``.
        options: entries to change, by dotted key (``--cfg-options``).
        launcher: who starts the processes: none, pytorch, slurm or mpi.

    Raises:
        ConfigError: if the config is missing or broken.
    """
    cfg = read_config(config, options)
    cfg.launcher = launcher
    if work_dir is not None:
        cfg.work_dir = work_dir
    elif cfg.get('work_dir') is None:
        cfg.work_dir = str(Path('work_dirs') / Path(config).stem)
    return cfg


def run_train(cfg: Config, resume: str | None = None, overwrite: bool = False) -> None:
    """Train.

    Args:
        cfg: from :func:`prepare_config`.
        resume: None starts a run; ``auto`` goes on from the last checkpoint in ``work_dir``; else a checkpoint.
        overwrite: remove an earlier run's checkpoints in ``work_dir`` instead of refusing to start.

    Raises:
        DataError: if ``work_dir`` holds checkpoints and neither ``resume`` nor ``overwrite`` is given.
    """
    for key in ('train_dataloader', 'train_cfg', 'optim_wrapper'):
        if cfg.get(key) is None:
            raise ConfigError(cfg.filename, f'has no {key}: it cannot be trained.')
    if resume is None and os.environ.get('RANK', os.environ.get('SLURM_PROCID', '0')) == '0':
        _claim(Path(cfg.work_dir), overwrite)
    cfg.resume = True if resume == 'auto' else (resume or False)
    build_runner(cfg).train()


def build_runner(cfg: Config) -> SignRunner:
    """Return the runner that ``cfg.runner_type`` names; ``SignRunner`` if it names none."""
    if not torch.cuda.is_available():
        keep_freed_memory()
    return RUNNERS.get(cfg.get('runner_type', 'SignRunner')).from_cfg(cfg)


def _claim(work_dir: Path, overwrite: bool) -> None:
    """Make sure that no earlier run's checkpoints are lost by accident."""
    folder = checkpoint_folder(work_dir)
    held = sorted(file.name for file in folder.glob('*.pth'))
    if not held:
        return
    if not overwrite:
        raise DataError(
            work_dir,
            f'holds the checkpoints of an earlier run ({", ".join(held)}).',
            'Go on with --resume, choose another --work-dir, or replace that run with --overwrite.',
        )
    shutil.rmtree(folder)
    for report in work_dir.glob('failed_clips_rank*.jsonl'):
        report.unlink()


def run_test(cfg: Config, checkpoint: str | Path | None, predictions: str | None = None) -> dict[str, float]:
    """Test a checkpoint; prints the scores and writes ``<work_dir>/test_metrics.json``.

    Args:
        cfg: from :func:`prepare_config`.
        checkpoint: a checkpoint, a name of the model zoo, or a run's folder: then its best checkpoint, or its last if
            it has no best. None tests the model as the config builds it.
        predictions: JSON Lines file to write every clip's prediction to.

    Returns:
        The scores by name.

    Raises:
        DataError: if the checkpoint cannot be read or does not fit the model.
    """
    for key in ('test_dataloader', 'test_cfg', 'test_evaluator'):
        if cfg.get(key) is None:
            raise ConfigError(cfg.filename, f'has no {key}: it cannot be tested.')
    cfg.load_from, cfg.resume = None if checkpoint is None else str(find_checkpoint(checkpoint)), False
    if predictions is not None:
        _add_metric(cfg, dict(type='DumpPredictions', out_file=predictions))
    metrics = build_runner(cfg).test()
    if is_main_process():
        record = dict(checkpoint=cfg.load_from, config=str(cfg.filename), metrics=metrics)
        write_text_atomically(Path(cfg.work_dir) / 'test_metrics.json', json.dumps(record, indent=2, default=float))
        print(metrics_table(metrics), flush=True)
    return metrics


def find_checkpoint(path: str | Path) -> Path:
    """Return ``path`` if it is a file; the best or else the last checkpoint if it is a run's folder.

    Args:
        path: of the file or folder, or a name of the model zoo: then the file of its weights, fetched if need be.

    Raises:
        DataError: if there is no such file, no checkpoint in the folder, or the weights cannot be fetched.
    """
    path = checkpoint_file(path)
    if path.is_dir():
        found = find_best_checkpoint(path) or find_last_checkpoint(path)
        if found is None:
            raise DataError(path, 'is a folder without checkpoints.', 'Name a checkpoint, or the work_dir of a run.')
        return found
    if not path.is_file():
        names = sorted(file.name for file in path.parent.glob('*.pth')) if path.parent.is_dir() else []
        raise DataError(
            path, 'there is no such checkpoint.', f'That folder holds: {", ".join(names) or "none, or does not exist"}.'
        )
    return path


def _add_metric(cfg: Config, metric: dict[str, Any]) -> None:
    evaluator = cfg.test_evaluator
    if isinstance(evaluator, dict) and 'metrics' in evaluator:
        metrics = evaluator['metrics']
        evaluator['metrics'] = [*(metrics if isinstance(metrics, list) else [metrics]), metric]
    else:
        cfg.test_evaluator = [*(evaluator if isinstance(evaluator, list) else [evaluator]), metric]


def metrics_table(metrics: Mapping[str, Any]) -> str:
    """Return the numbers in ``metrics`` as two columns: name and value."""
    rows = {name: value for name, value in metrics.items() if isinstance(value, int | float)}
    width = max(map(len, rows), default=0)
    return '\n'.join(f'  {name:<{width}}  {value:10.4f}' for name, value in rows.items())


def run_readably(main: Callable[[], Any], traceback: bool = False) -> int:
    """Run a command line tool; return its exit code.

    An error about the user's data or config is printed in one line and gives exit code 1; every other error keeps its
    traceback. So does this one with ``traceback`` or the environment variable ``UNISIGN_TRACEBACK=1``.
    """
    try:
        main()
    except DataError as error:
        if traceback or os.environ.get(TRACEBACK_VARIABLE, '0') not in ('', '0'):
            raise
        message = re.sub(r'\s*\n\s*(?=\S)', '\n  ', str(error))
        print(f'{type(error).__name__}: {message}', file=sys.stderr, flush=True)
        return 1
    leave_process_group()
    return 0


def leave_process_group() -> None:
    """Part from the other processes, if there are any, once all have come this far.

    A process that simply ends leaves the threads of its connections to the interpreter's last moments, where they now
    and then abort it.
    """
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.barrier()
        gc.collect()  # the model wrapper, in a circle with the runner, holds the connections too
        torch.distributed.destroy_process_group()

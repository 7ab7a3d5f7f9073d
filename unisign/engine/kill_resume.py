"""Kills a training with SIGKILL again and again, resumes it, and compares the end with an undisturbed run, bit by bit.

Two kinds of moments: any time between the first batch and the end, and while a checkpoint is being written.
"""

import multiprocessing
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch

from unisign.engine.checkpoint_io import TEMPORARY_SUFFIX, checkpoint_folder, find_last_checkpoint, read_checkpoint
from unisign.structures import DataError

COMPARED = ('state_dict', 'optimizer', 'param_schedulers', 'best')
STARTED = re.compile(r'Resumed from .*?\((\d+) of (\d+) optimizer steps\)|training starts from the beginning')
POLL_SECONDS = 0.0005
ATTEMPTS = 6


class Child(Protocol):
    """A training process."""

    pid: int

    def running(self) -> bool:
        """Tell whether it has not ended yet."""

    def wait(self) -> int:
        """Wait for its end and return its exit code."""


Start = Callable[[Path, Path], Child]  # (work_dir, file for what it prints) -> the running process


@dataclass
class KilledRun:
    """What happened to one run.

    Attributes:
        kills: when each kill came: ``(seconds after the start of training, what was aimed at)``.
        resumed: how many optimizer steps were done at each resumption.
        differences: names of what differs from the undisturbed run; empty if it is the same to the bit.
    """

    kills: list[tuple[float, str]] = field(default_factory=list)
    resumed: list[int] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)


def start_process(train_script: Path, config: Path, arguments: list[str]) -> Start:
    """Return a starter that runs ``train_script`` in a fresh Python."""

    def start(work_dir: Path, log: Path) -> Child:
        command = [sys.executable, str(train_script), str(config), '--work-dir', str(work_dir), '--resume', *arguments]
        with log.open('a') as out:
            process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
        return _Process(process.pid, lambda: process.poll() is None, process.wait)

    return start


def start_fork(run: Callable[[Path], Any]) -> Start:
    """Return a starter that calls ``run(work_dir)`` in a fork of this process, which spares it the imports."""
    context = multiprocessing.get_context('fork')

    def start(work_dir: Path, log: Path) -> Child:
        def body() -> None:
            descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(descriptor, 1)
            os.dup2(descriptor, 2)
            sys.stdout = sys.stderr = os.fdopen(descriptor, 'w', buffering=1)  # whatever they were in the parent
            run(work_dir)

        process = context.Process(target=body)
        process.start()

        def wait() -> int:
            process.join()
            return process.exitcode or 0

        return _Process(process.pid or 0, process.is_alive, wait)

    return start


@dataclass
class _Process:
    pid: int
    running: Callable[[], bool]
    wait: Callable[[], int]


def undisturbed(start: Start, folder: Path) -> tuple[dict[str, Any], float]:
    """Train once without a kill.

    Returns:
        What is compared, and the seconds from the start of training to the end.

    Raises:
        DataError: if the training fails.
    """
    log = folder / 'undisturbed.log'
    log.touch()
    child = start(folder / 'undisturbed', log)
    _wait_for_training(child, log, 0)
    begin = time.monotonic()
    _finish(child, log)
    return outcome(folder / 'undisturbed'), time.monotonic() - begin


def killed(
    start: Start, folder: Path, name: str, kills: int, seconds: float, expected: dict[str, Any], rng: random.Random
) -> KilledRun:
    """Train with ``kills`` kills and compare the end with ``expected``.

    Args:
        start: starts or resumes the training.
        folder: where the run's folder and log go.
        name: of both.
        kills: how often to kill.
        seconds: how long an undisturbed training takes.
        expected: from :func:`undisturbed`.
        rng: draws the moments.

    Raises:
        DataError: if a resumed training fails, or always ends before it can be killed.
    """
    for _ in range(ATTEMPTS):
        run = _kill_and_compare(start, folder, name, kills, seconds, expected, rng)
        if len(run.kills) == kills or run.differences:
            return run
        seconds *= 0.6  # it ended before the last moment drawn: once more from the start, with earlier ones
    raise DataError(
        folder / name, f'the training ended before it was killed {kills} times.', 'Let it train for longer.'
    )


def _kill_and_compare(
    start: Start, folder: Path, name: str, kills: int, seconds: float, expected: dict[str, Any], rng: random.Random
) -> KilledRun:
    work_dir, log, run = folder / name, folder / f'{name}.log', KilledRun()
    shutil.rmtree(work_dir, ignore_errors=True)
    log.write_text('')
    for number in range(kills):
        printed = log.stat().st_size
        child = start(work_dir, log)
        left = _wait_for_training(child, log, printed)
        begin = time.monotonic()
        moment = begin + rng.uniform(0, seconds * left / (kills - number))
        aim = rng.choice(('any time', 'while writing'))
        _wait_until(child, moment, checkpoint_folder(work_dir) if aim == 'while writing' else None)
        if not child.running():
            break
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        run.kills.append((time.monotonic() - begin, aim))
    _finish(start(work_dir, log), log)
    run.resumed = [int(match[1]) if match[1] else 0 for match in STARTED.finditer(log.read_text(errors='replace'))][1:]
    run.differences = differences(outcome(work_dir), expected)
    return run


def _wait_for_training(child: Child, log: Path, printed: int) -> float:
    """Wait until the process says that it starts to train; return the share of the training that is left."""
    while child.running():
        with log.open(errors='replace') as file:
            file.seek(printed)
            match = STARTED.search(file.read())
        if match:
            return 1 - int(match[1]) / int(match[2]) if match[1] else 1.0
        time.sleep(0.01)
    return 0.0


def _wait_until(child: Child, moment: float, writing_in: Path | None) -> None:
    """Wait until ``moment``, and from there, if a folder is given, until a checkpoint is being written into it."""
    while child.running():
        if time.monotonic() >= moment and (writing_in is None or any(writing_in.glob(f'*.pth{TEMPORARY_SUFFIX}'))):
            return
        time.sleep(POLL_SECONDS)


def _finish(child: Child, log: Path) -> None:
    code = child.wait()
    if code != 0:
        raise DataError(log, f'the training ended with exit code {code}.', 'The end of that file says why.')


def outcome(work_dir: Path) -> dict[str, Any]:
    """Return what a finished run leaves: the last checkpoint's state, and the weights of the best."""
    last = find_last_checkpoint(work_dir)
    if last is None:
        raise DataError(work_dir, 'holds no checkpoint.')
    found = {name: value for name, value in read_checkpoint(last).items() if name in COMPARED}
    for best in sorted(checkpoint_folder(work_dir).glob('best_*.pth')):
        found[best.name] = {name: value for name, value in read_checkpoint(best).items() if name in COMPARED}
    return found


def differences(got: Any, expected: Any, name: str = '') -> list[str]:
    """Return the dotted names of what is not the same to the bit."""
    if isinstance(got, torch.Tensor) and isinstance(expected, torch.Tensor):
        same = got.dtype == expected.dtype and got.shape == expected.shape
        same = same and got.numpy().tobytes() == expected.numpy().tobytes()
        return [] if same else [name]
    if isinstance(got, dict) and isinstance(expected, dict):
        keys = {**got, **expected}
        missing = [f'{name}.{key}' for key in keys if key not in got or key not in expected]
        common = [key for key in keys if key in got and key in expected]
        return missing + [found for key in common for found in differences(got[key], expected[key], f'{name}.{key}')]
    if isinstance(got, list | tuple) and isinstance(expected, list | tuple) and len(got) == len(expected):
        pairs = enumerate(zip(got, expected, strict=True))
        return [found for i, (a, b) in pairs for found in differences(a, b, f'{name}[{i}]')]
    return [] if got == expected else [name]


def table_row(number: int, run: KilledRun) -> str:
    """Return one line about a run."""
    kills = ', '.join(f'{seconds:.2f} s ({aim})' for seconds, aim in run.kills)
    resumed = ', '.join(map(str, run.resumed)) or '-'
    verdict = f'DIFFERENT: {", ".join(run.differences[:3])}' if run.differences else 'identical'
    return f'{number:>3}  {verdict:<10}  killed after {kills}; resumed at step {resumed}'

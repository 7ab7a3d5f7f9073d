"""Bad input of every kind, and what each public way in says about it (docs/error_messages.md)."""

from collections.abc import Iterator
from pathlib import Path

from error_cases.bench import Bench, Row


def all_rows(folder: Path, corpus: Path | None = None) -> Iterator[Row]:
    """Make every bad input below ``folder``, try it, and yield what came of it.

    Args:
        folder: an empty folder; it stands for the user's.
        corpus: a toy corpus to take sound clips from; None makes the tiny one.
    """
    from error_cases import (
        annotations,
        checkpoints,
        configs,
        exports,
        fine_tuning,
        mixing,
        poses,
        python,
        rgb,
        runs,
        tools,
        trimming,
        video_input,
        videos,
        vocabularies,
        zoo,
    )

    bench = Bench(folder, corpus)
    for module in (
        configs,
        annotations,
        poses,
        videos,
        rgb,
        vocabularies,
        checkpoints,
        runs,
        mixing,
        fine_tuning,
        python,
        tools,
        trimming,
        video_input,
        exports,
        zoo,
    ):
        for row in module.rows(bench):
            bench.check_nothing_ran(row)
            yield row

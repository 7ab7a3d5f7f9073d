"""Which epochs were validated, with their scores: ``dev_scores.jsonl`` beside the checkpoints."""

import json
from pathlib import Path

from unisign.engine.checkpoint_io import checkpoint_folder, write_text_atomically
from unisign.structures import DataError

FILE_NAME = 'dev_scores.jsonl'


class ValidationHistory:
    """Scores of a run's validations, one JSON object a line: ``{"epoch", "step", "metrics": {..}}``.

    A checkpoint is written before its epoch is validated; this file tells a resumed run whether that validation was
    finished.

    Args:
        work_dir: the run's folder.
    """

    def __init__(self, work_dir: str | Path) -> None:
        self.path = checkpoint_folder(work_dir) / FILE_NAME
        self.entries: list[dict] = []

    def load(self, until_epoch: int) -> None:
        """Read the entries up to ``until_epoch``; later ones belong to training that is done anew.

        Raises:
            DataError: if the file is damaged.
        """
        self.entries = []
        if not self.path.is_file():
            return
        for number, line in enumerate(self.path.read_text(encoding='utf-8').splitlines(), 1):
            try:
                entry = json.loads(line)
                if entry['epoch'] <= until_epoch:
                    self.entries.append(entry)
            except (ValueError, KeyError, TypeError) as error:
                raise DataError(
                    self.path, f'line {number} is no validation record: {line[:80]!r}.', 'Remove that line.'
                ) from error

    def has(self, epoch: int) -> bool:
        """Tell whether ``epoch`` was validated to the end."""
        return any(entry['epoch'] == epoch for entry in self.entries)

    def add(self, epoch: int, step: int, metrics: dict[str, float]) -> None:
        """Record a finished validation and write the file (main process only)."""
        self.entries = [entry for entry in self.entries if entry['epoch'] != epoch]
        self.entries.append({'epoch': epoch, 'step': step, 'metrics': metrics})
        lines = [json.dumps(entry, ensure_ascii=False) for entry in self.entries]
        write_text_atomically(self.path, '\n'.join(lines) + '\n')

"""Where the cases are tried: a folder that stands for the user's, and ways in that are those of the commands."""

import contextlib
import io
import itertools
import json
import os
import re
import runpy
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from unittest import mock

from mmengine.hooks import Hook

from unisign.datasets import Annotation, AnnotationFile
from unisign.engine.launch import TRACEBACK_VARIABLE, prepare_config, run_readably, run_test, run_train
from unisign.registry import HOOKS
from unisign.stores import PackedPoseStore
from unisign.structures import Poses
from unisign.toy import make_toy_corpus

REPO = Path(__file__).resolve().parents[3]
BASES = ('models/unisign_toy_pose.py', 'datasets/words.py', 'schedules/stage3.py', 'runtime.py')
BEFORE = 'Stops before the start.'
WENT_ON = 'The run goes on without the clip, which is named in the log and in the report.'


@dataclass(frozen=True)
class Row:
    """One case.

    Attributes:
        group: what kind of input it is about.
        wrong: what was wrong with it.
        message: what the user sees; '' if nothing was said.
        outcome: what became of the run.
    """

    group: str
    wrong: str
    message: str
    outcome: str


@HOOKS.register_module()
class BatchCounter(Hook):
    """Counts batches, so that the bench can tell how far a run came."""

    batches = 0

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """Count a batch of training."""
        BatchCounter.batches += 1

    def before_test_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """Count a batch of testing."""
        BatchCounter.batches += 1


@dataclass(frozen=True)
class Attempt:
    """What came of one call.

    Attributes:
        message: what was printed as an error; '' if it ended well.
        log: everything else that was printed.
        batches: batches that were begun.
    """

    message: str
    log: str
    batches: int

    @property
    def outcome(self) -> str:
        """What became of a training or a test."""
        if not self.message:
            return 'The run goes on to its end.'
        return 'Stops during the run.' if self.batches else BEFORE


class MakesFolder:
    """An object whose pickle makes a folder when it is read by an ordinary unpickler."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Callable, tuple[str]]:
        return os.mkdir, (str(self.folder),)


class Bench:
    """The user's folder with a toy corpus in ``toy`` and a config, and the commands to try.

    Args:
        folder: an empty folder.
        corpus: a toy corpus; None makes the tiny one.
    """

    def __init__(self, folder: Path, corpus: Path | None = None) -> None:
        self.folder = folder.resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.toy = self.folder / 'toy'
        if corpus is None:
            make_toy_corpus(self.toy, size='tiny', videos='none')
        else:
            self.toy.symlink_to(corpus.resolve())
        self.annotations = list(AnnotationFile(self.toy / 'annotations/islr_train.jsonl'))
        self._store = PackedPoseStore(self.toy / 'poses.lmdb')
        self._numbers = itertools.count()
        self._sentinel = self.folder / 'code_has_run'

    # The user's files ---------------------------------------------------------------------------------------------

    def poses(self, index: int = 0) -> Poses:
        """Return a sound clip."""
        return self._store.read(self.annotations[index].id)

    def write(self, name: str, content: str | bytes = '') -> Path:
        """Write a file."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def clip(self, index: int = 0, **changes: Any) -> dict[str, Any]:
        """Return a sound annotation with changes; a key changed to None is left out."""
        annotation: Annotation = self.annotations[index]
        content = dict(
            id=annotation.id,
            poses=f'{self.toy / "poses.lmdb"}#{annotation.id}',
            text=annotation.text,
            gloss=list(annotation.gloss),
            lang='en',
        )
        return {key: value for key, value in (content | changes).items() if value is not None}

    def write_clips(self, name: str, clips: Sequence[Mapping[str, Any]]) -> Path:
        """Write an annotation file."""
        return self.write(name, ''.join(json.dumps(clip) + '\n' for clip in clips))

    def code(self) -> MakesFolder:
        """Return an object that does harm if its pickle is read carelessly: it makes ``code_has_run``."""
        return MakesFolder(self._sentinel)

    def check_nothing_ran(self, row: Row) -> None:
        """Stop if code in a file was run.

        Raises:
            RuntimeError: if it was.
        """
        if self._sentinel.exists():
            raise RuntimeError(f'code inside a file was run: {row}')

    def config(self, **changes: Any) -> Path:
        """Write a config that trains a very small model in a second; ``changes`` are top-level entries."""
        pipeline = [dict(type=name) for name in ('LoadPoses', 'NormalizeParts', 'PackSignInputs')]
        content: dict[str, Any] = dict(
            model=dict(
                pose_encoder=dict(embed_channels=4, spatial_channels=(4, 4), temporal_channels=(4, 4)),
                head=dict(
                    language_model=str(self.toy / 'language_model'),
                    vocabularies=dict(islr=str(self.toy / 'labels_islr.txt')),
                ),
            ),
            train_cfg=dict(max_epochs=1, val_interval=99),
            default_hooks=dict(checkpoint=dict(interval_minutes=None)),
            custom_hooks=[dict(type='BatchCounter')],
            visualizer=dict(vis_backends=[dict(type='LocalVisBackend')]),
            experiment_name=f'case_{next(self._numbers)}',  # MMEngine's loggers are global, by name and second
            val_dataloader=None,
            val_cfg=None,
            val_evaluator=None,
        )
        for split in ('train', 'test'):
            dataset = dict(ann_file=str(self.toy / f'annotations/islr_{split}.jsonl'), pipeline=pipeline)
            content[f'{split}_dataloader'] = dict(
                batch_size=12, num_workers=0, persistent_workers=False, dataset=dataset
            )
        bases = [str(REPO / 'configs/_base_' / name) for name in BASES]
        lines = [f'_base_ = {bases!r}', *(f'{key} = {value!r}' for key, value in (content | changes).items())]
        return self.write('config.py', '\n'.join(lines) + '\n')

    @cached_property
    def trained(self) -> Path:
        """The folder of a sound run.

        Raises:
            RuntimeError: if it did not end well: then nothing else here says anything.
        """
        work_dir = self.work_dir()
        attempt = self.train(work_dir=work_dir)
        if attempt.message:
            raise RuntimeError(f'the sound config does not train: {attempt.message}')
        return work_dir

    def work_dir(self) -> Path:
        """Return a folder for a run of its own."""
        return self.folder / 'work_dirs' / f'run_{next(self._numbers)}'

    # The ways in --------------------------------------------------------------------------------------------------

    def train(
        self,
        options: Mapping[str, Any] | None = None,
        config: Path | None = None,
        work_dir: Path | None = None,
        resume: str | None = None,
    ) -> Attempt:
        """Do what ``tools/train.py`` does."""
        config, work_dir = config or self.config(), work_dir or self.work_dir()
        return self.attempt(lambda: run_train(prepare_config(config, str(work_dir), options), resume))

    def test(self, checkpoint: Path, options: Mapping[str, Any] | None = None) -> Attempt:
        """Do what ``tools/test.py`` does."""
        config, work_dir = self.config(), self.work_dir()
        return self.attempt(lambda: run_test(prepare_config(config, str(work_dir), options), checkpoint))

    def tool(self, script: str, *arguments: str | Path) -> Attempt:
        """Do what ``python tools/SCRIPT ARGUMENTS`` does."""

        def run() -> None:
            with mock.patch.object(sys, 'argv', [script, *map(str, arguments)]):
                runpy.run_path(str(REPO / 'tools' / script), run_name='__main__')

        return self.attempt(run)

    def attempt(self, action: Callable[[], Any]) -> Attempt:
        """Call ``action`` as the commands do; return what a user sees."""
        BatchCounter.batches = 0
        out, error = io.StringIO(), io.StringIO()
        without_traceback = mock.patch.dict(os.environ, {TRACEBACK_VARIABLE: '0'})
        with without_traceback, contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
            try:
                failed = bool(run_readably(action))
            except SystemExit as stop:  # a command's own way to say it: the text, or the code if it is printed
                failed = stop.code not in (None, 0)
                error.write(f'{stop.code}\n' if isinstance(stop.code, str) else '')
            except Exception as fault:  # what a user would see as a traceback: the documentation must not have it
                failed = True
                error.write(f'Traceback: {traceback.format_exception_only(fault)[-1]}')
        message = self.without_folder(error.getvalue()).strip() if failed else ''
        return Attempt(message, self.without_folder(out.getvalue() + error.getvalue()), BatchCounter.batches)

    def without_folder(self, text: str) -> str:
        """Return ``text`` with paths as they look from the user's folder, in the checkout."""
        for folder, name in ((self.toy.resolve(), 'toy'), (self.folder, '.'), (REPO, '.')):
            text = text.replace(str(folder), name).replace('./', '')
        return re.sub(r'run_\d+', 'my_run', text)

"""The training loop: epochs of batches, optimizer steps over groups of batches, resumable between any two steps."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
from mmengine.dist import get_rank
from mmengine.runner import BaseLoop
from torch.utils.data import DataLoader

from unisign.engine.non_finite import NonFiniteGuard
from unisign.engine.seeding import seed_step
from unisign.registry import LOOPS
from unisign.structures import DataError


@dataclass(frozen=True)
class Progress:
    """How much training is in the weights.

    Attributes:
        epoch: complete epochs.
        batch: batches of the following epoch that were used.
        iter: batches used since the beginning, by each process.
        step: optimizer steps since the beginning.
    """

    epoch: int
    batch: int
    iter: int
    step: int


@LOOPS.register_module()
class SignTrainLoop(BaseLoop):
    """Trains for a number of epochs and validates in between.

    ``accumulative_counts`` batches make one optimizer step; the last group of an epoch may be smaller, its loss is
    averaged over the batches it has, so every epoch ends with a step. Before each batch the random generators are
    seeded from (seed, batches so far, rank): dropout does not depend on what was drawn before, and a checkpoint needs
    no generator's state.

    Args:
        runner: the runner that owns the loop.
        dataloader: training data, or its config. A batch sampler with ``start_batch`` (``LengthBucketBatchSampler``)
            goes on within an epoch without reading the data before; with any other, those batches are read and dropped.
        max_epochs: number of epochs.
        val_begin: first epoch (from 1) after which the model may be validated.
        val_interval: validate after every so many epochs, and after the last one.

    Raises:
        DataError: if the loader has no batches.
    """

    def __init__(
        self,
        runner: Any,
        dataloader: DataLoader | dict,
        max_epochs: int,
        val_begin: int = 1,
        val_interval: int = 1,
    ) -> None:
        super().__init__(runner, dataloader)
        if len(self.dataloader) == 0:
            raise DataError(
                'train_dataloader',
                f'gives no batch ({len(self.dataloader.dataset)} clips in the dataset).',
                'Check dataset.ann_file, or make batch_size smaller.',
            )
        self._max_epochs = max_epochs
        self.val_begin = val_begin
        self.val_interval = val_interval
        self.stop_training = False  # set by MMEngine's EarlyStoppingHook
        self._epoch = 0
        self._iter = 0
        self._batches_done = 0  # unlike _iter, counts the current batch as soon as the weights know it
        self._guard = NonFiniteGuard()

    @property
    def max_epochs(self) -> int:
        """Number of epochs in the whole run."""
        return self._max_epochs

    @property
    def max_iters(self) -> int:
        """Number of batches in the whole run, for each process."""
        return self._max_epochs * len(self.dataloader)

    @property
    def max_steps(self) -> int:
        """Number of optimizer steps in the whole run."""
        return self._max_epochs * self.steps_per_epoch

    @property
    def steps_per_epoch(self) -> int:
        """Number of optimizer steps in an epoch; the last one may be over fewer batches."""
        return -(-len(self.dataloader) // self._accumulation)

    @property
    def epoch(self) -> int:
        """Complete epochs."""
        return self._epoch

    @property
    def iter(self) -> int:
        """Batches whose hooks have all run, since the beginning."""
        return self._iter

    @property
    def progress(self) -> Progress:
        """What is in the weights now; differs from ``epoch`` and ``iter`` inside the ``after_..`` hooks."""
        epoch, batch = divmod(self._batches_done, len(self.dataloader))
        step = epoch * self.steps_per_epoch + -(-batch // self._accumulation)
        return Progress(epoch=epoch, batch=batch, iter=self._batches_done, step=step)

    @property
    def at_step_boundary(self) -> bool:
        """Whether the last batch ended in an optimizer step."""
        batch = self._batches_done % len(self.dataloader)
        return batch % self._accumulation == 0

    @property
    def _accumulation(self) -> int:
        wrapper = self.runner.optim_wrapper
        if isinstance(wrapper, dict):  # not built yet
            return wrapper.get('accumulative_counts', 1)
        return wrapper._accumulative_counts

    def resume_at(self, iterations: int) -> None:
        """Go on after ``iterations`` batches; the weights must be those of that moment."""
        self._batches_done = self._iter = iterations
        self._epoch = iterations // len(self.dataloader)

    def run(self) -> torch.nn.Module:
        """Train, validate, and return the model."""
        self.runner.call_hook('before_train')
        if self._validation_is_due() and not self.runner.validation_history.has(self._epoch):
            self.runner.logger.info(f'The validation of epoch {self._epoch} was cut off: it is run again.')
            self.runner.val_loop.run()
        while self._epoch < self._max_epochs and not self.stop_training:
            self.run_epoch()
            if self._validation_is_due():
                self.runner.val_loop.run()
        self.runner.call_hook('after_train')
        return self.runner.model

    def _validation_is_due(self) -> bool:
        return (
            self.runner.val_loop is not None
            and self._batches_done == self._epoch * len(self.dataloader)
            and self._epoch >= max(self.val_begin, 1)
            and (self._epoch % self.val_interval == 0 or self._epoch == self._max_epochs)
        )

    def run_epoch(self) -> None:
        """Train on what is left of the current epoch."""
        self.runner.call_hook('before_train_epoch')
        self.runner.model.train()
        start = self._batches_done % len(self.dataloader)
        self._count_from(start)
        for batch_idx, data_batch in enumerate(self._batches_from(start), start):
            self.run_iter(batch_idx, data_batch)
        if self._batches_done != (self._epoch + 1) * len(self.dataloader):
            raise DataError(
                'train_dataloader',
                f'gave {self._batches_done - self._epoch * len(self.dataloader)} batches in epoch {self._epoch + 1}, '
                f'but its length is {len(self.dataloader)}.',
                'The batch sampler must give as many batches as its length says.',
            )
        self.runner.call_hook('after_train_epoch')
        self._epoch += 1

    def _count_from(self, start: int) -> None:
        """Let the optimizer wrapper group this epoch's batches, ``start`` of which are done, into optimizer steps."""
        wrapper, batches = self.runner.optim_wrapper, len(self.dataloader)
        wrapper._inner_count = start
        wrapper._max_counts = batches
        wrapper._remainder_counts = batches % self._accumulation

    def _batches_from(self, start: int) -> Iterator[Any]:
        """Return this epoch's batches without the first ``start``."""
        batch_sampler: Any = self.dataloader.batch_sampler
        samplers: tuple[Any, ...] = (batch_sampler, getattr(batch_sampler, 'sampler', None), self.dataloader.sampler)
        for sampler in {id(sampler): sampler for sampler in samplers}.values():
            if hasattr(sampler, 'set_epoch'):
                sampler.set_epoch(self._epoch)
        if hasattr(batch_sampler, 'start_batch'):
            batch_sampler.start_batch = start
            return iter(self.dataloader)
        if start:
            self.runner.logger.warning(
                f'{type(batch_sampler).__name__} cannot start within an epoch: the {start} batches that were already '
                'used are read again and dropped.'
            )
        return islice(iter(self.dataloader), start, None)

    def run_iter(self, batch_idx: int, data_batch: dict) -> None:
        """Train on one batch.

        Raises:
            DataError: on every process, if the loss or the gradient is not finite or a hook asked for a stop.
        """
        runner = self.runner
        runner.call_hook('before_train_iter', batch_idx=batch_idx, data_batch=data_batch)
        seed_step(runner.seed, self._batches_done, get_rank())
        outputs = runner.model.train_step(data_batch, optim_wrapper=runner.optim_wrapper)
        self._batches_done += 1
        self._guard.check(runner, outputs, data_batch, stepped=self.at_step_boundary)
        if self.at_step_boundary:
            runner.collective_stop.raise_together()
        runner.call_hook('after_train_iter', batch_idx=batch_idx, data_batch=data_batch, outputs=outputs)
        self._iter += 1

"""MMEngine's Runner with exact resuming, safe loading and a config that runs on any machine."""

import copy
import logging
import platform
import time
from collections.abc import Callable, MutableMapping
from functools import cached_property
from pathlib import Path
from typing import Any

import mmengine
import torch
from mmengine.config import Config
from mmengine.dist import barrier, broadcast_object_list, get_world_size, is_main_process, master_only
from mmengine.logging import MMLogger
from mmengine.model import is_model_wrapper
from mmengine.optim import OptimWrapper, _ParamScheduler
from mmengine.runner import BaseLoop, Runner
from torch.utils.data import DataLoader

from unisign.checkpoints import load_state_dict_file
from unisign.checkpoints.adapters import fit_adapter_names
from unisign.engine.checkpoint_io import (
    find_last_checkpoint,
    read_checkpoint,
    remove_leftovers,
    write_checkpoint,
)
from unisign.engine.config_check import ConfigError, check_config
from unisign.engine.deep_speed_model import DeepSpeedModel
from unisign.engine.device import adapt_to_machine, start_gloo
from unisign.engine.fully_sharded_model import FullyShardedModel
from unisign.engine.same_run import check_same_run, run_essentials
from unisign.engine.seeding import set_seeds
from unisign.engine.sharded_state import gather, shard_optimizer_state
from unisign.engine.stopping import CollectiveStop
from unisign.engine.train_loop import SignTrainLoop
from unisign.engine.trained_share import trained_share
from unisign.engine.validation_history import ValidationHistory
from unisign.engine.weights import load_into
from unisign.registry import FUNCTIONS, MODEL_WRAPPERS, RUNNERS
from unisign.structures import DataError
from unisign.version import __version__

# Long blocks that MMEngine logs at every start; they go to the log file, not to the console.
FILE_ONLY = (
    '\n' + '-' * 60 + '\nSystem environment:',
    'Config:\n',
    'Hooks will be executed in the following order',
    'Distributed training is not used',
    'Exp name: ',
)


@RUNNERS.register_module()
class SignRunner(Runner):
    """Runs configs of this library; made with ``SignRunner.from_cfg(cfg)``.

    What differs from MMEngine's Runner: the config is checked before anything is built and adapted to a machine
    without CUDA; ``resume`` may name a checkpoint, and goes on exactly where it was written; checkpoints hold plain
    values, are written atomically, and nothing in a file is ever run; schedulers count optimizer steps.
    """

    is_training = False
    _has_loaded: bool

    @classmethod
    def from_cfg(cls, cfg: Config) -> 'SignRunner':
        """Build a runner.

        Args:
            cfg: a whole config; it is not changed. ``resume`` is False, True (go on from the last checkpoint in
                ``work_dir``, or start if there is none) or the path of a checkpoint of this run.

        Raises:
            ConfigError: if the config names what does not exist.
        """
        cfg = copy.deepcopy(cfg)
        # Its text an item a line: the formatter takes half a second, and for some configs many minutes. (Setting an
        # attribute the usual way would make it a key of the config.)
        object.__setattr__(cfg, '_format_python_code', False)
        check_config(cfg)
        notes = adapt_to_machine(cfg)
        start_gloo(cfg)
        notes = ['no CUDA device here, so: ' + '; '.join(notes) + '.'] if notes else []
        notes += set_seeds(cfg)
        runner = super().from_cfg(cfg)
        runner._log_start(notes)
        return runner

    @cached_property
    def collective_stop(self) -> CollectiveStop:
        """Where hooks and loops ask for a stop of all processes."""
        return CollectiveStop()

    @cached_property
    def validation_history(self) -> ValidationHistory:
        """Which epochs of this run were validated."""
        return ValidationHistory(self.work_dir)

    @cached_property
    def config_text(self) -> str:
        """The config as Python text; kept, since MMEngine makes it anew at every look."""
        return self.cfg.pretty_text

    def train(self) -> torch.nn.Module:
        """Train, validating in between; returns the model."""
        self.is_training = True
        if is_main_process():
            self._dump_config_to(Path(self.work_dir))
            for name in remove_leftovers(self.work_dir):
                self.logger.warning(f'{name} was being written when an earlier process ended: removed.')
        self.logger.info(trained_share(self._bare_model))
        return super().train()

    @master_only
    def dump_config(self) -> None:
        """Write the config beside the log; ``train`` also writes it into ``work_dir``."""
        self._dump_config_to(Path(self.log_dir))

    def _dump_config_to(self, folder: Path) -> None:
        name = Path(self.cfg.filename).stem if self.cfg.filename else 'config'
        (folder / f'{name}.py').write_text(self.config_text, encoding='utf-8')

    # Loading ------------------------------------------------------------------------------------------------------

    def load_or_resume(self) -> None:
        """Resume if asked to and there is something to resume, else load ``load_from`` if it is given."""
        if self._has_loaded:
            return
        path = self._resume_path() if self._resume else None
        if path is not None:
            self.resume(str(path))
        elif self._load_from is not None:
            self.load_checkpoint(self._load_from, strict=not self.is_training)
        self._has_loaded = True

    def _resume_path(self) -> Path | None:
        """Return the checkpoint to resume from, the same on every process; None if there is none yet."""
        if self._resume is not True:
            return Path(self._resume)
        found: list[Any] = [None]
        if is_main_process():
            try:
                found = [find_last_checkpoint(self.work_dir)]
            except DataError as error:  # the others must not wait for a process that stopped
                found = [error]
        broadcast_object_list(found)
        if isinstance(found[0], DataError):
            raise found[0]
        if found[0] is None:
            self.logger.info(f'No checkpoint in {self.work_dir} yet: training starts from the beginning.')
        return found[0]

    def resume(
        self,
        filename: str,
        resume_optimizer: bool = True,
        resume_param_scheduler: bool = True,
        map_location: str | Callable = 'cpu',
    ) -> None:
        """Go on exactly where a checkpoint of this run was written.

        Args:
            filename: the checkpoint.
            resume_optimizer: whether to take up the optimizer's state.
            resume_param_scheduler: whether to take up the schedulers' state.
            map_location: for MMEngine's interface; files are read onto the CPU and copied into the model.

        Raises:
            DataError: if the file cannot be read, holds weights only, or its run differs from this config.
        """
        checkpoint = read_checkpoint(filename)
        missing = {'run', 'meta', 'optimizer'} - set(checkpoint)
        if missing:
            raise DataError(
                filename,
                f'cannot be resumed: it holds no {", ".join(sorted(missing))}.',
                'To start a new run from its weights set load_from to it, without --resume.',
            )
        check_same_run(filename, checkpoint['run'], run_essentials(self))
        self.call_hook('after_load_checkpoint', checkpoint=checkpoint)
        load_into(self._bare_model, checkpoint['state_dict'], filename, strict=True)
        if resume_optimizer:
            self._load_optimizer(filename, checkpoint['optimizer'])
        if resume_param_scheduler:
            for scheduler, state in zip(self.param_schedulers or [], checkpoint['param_schedulers'], strict=True):
                scheduler.load_state_dict(state)
        self.train_loop.resume_at(checkpoint['meta']['iter'])
        self._load_history()
        self.call_hook('after_resume', checkpoint=checkpoint)
        barrier()  # nobody goes on, and removes old checkpoints, before all have read theirs
        self._log_resumed(filename)

    def _load_optimizer(self, filename: str, state: dict[str, Any]) -> None:
        try:
            self.optim_wrapper.load_state_dict(shard_optimizer_state(state, self.optim_wrapper.optimizer))
        except (ValueError, KeyError) as error:
            raise DataError(
                filename, f"its optimizer does not fit the config's: {error}.", 'Resume with the config of that run.'
            ) from error

    def _load_history(self) -> None:
        if is_main_process():
            self.validation_history.load(until_epoch=self.train_loop.epoch)
        entries = [self.validation_history.entries]
        broadcast_object_list(entries)
        self.validation_history.entries = entries[0]

    def _log_resumed(self, filename: str) -> None:
        progress = self.train_loop.progress
        if progress.epoch >= self.max_epochs:
            self.logger.info(f'This run is finished: all {self.max_epochs} epochs are trained ({filename}).')
        else:
            self.logger.info(
                f'Resumed from {filename}: {progress.epoch} epochs and {progress.batch} batches are done '
                f'({progress.step} of {self.train_loop.max_steps} optimizer steps).'
            )

    def load_checkpoint(
        self,
        filename: str,
        map_location: str | Callable = 'cpu',
        strict: bool = True,
        revise_keys: list | None = None,
    ) -> dict[str, Any]:
        """Load the weights of any checkpoint file, without running anything that is in it.

        Args:
            filename: the file.
            map_location: for MMEngine's interface; the file is read onto the CPU and copied into the model.
            strict: whether a missing or unexpected weight is an error; if not, they are logged by name.
            revise_keys: for MMEngine's interface, not used: convert foreign files with tools/models first.

        Raises:
            DataError: if the file cannot be read, or its weights do not fit the model.
        """
        own = self._bare_model.state_dict()
        state_dict = fit_adapter_names(load_state_dict_file(filename), own, filename)
        checkpoint = dict(state_dict=state_dict)
        self.call_hook('after_load_checkpoint', checkpoint=checkpoint)
        report = load_into(self._bare_model, checkpoint['state_dict'], filename, strict)
        self._has_loaded = True
        self.logger.info(f'Loaded {len(state_dict)} tensors from {filename}.')
        if report:
            self.logger.warning(f'{filename} and the model do not hold the same weights. {report}')
        return checkpoint

    # Saving -------------------------------------------------------------------------------------------------------

    def save_checkpoint(
        self,
        out_dir: str,
        filename: str,
        file_client_args: dict | None = None,
        save_optimizer: bool = True,
        save_param_scheduler: bool = True,
        meta: dict | None = None,
        by_epoch: bool = True,
        backend_args: dict | None = None,
    ) -> None:
        """Write a checkpoint atomically, on the main process.

        Where the weights are spread out over the processes, all must call this in training, since it gathers them.

        Args:
            out_dir: folder.
            filename: name in it.
            file_client_args: for MMEngine's interface, not used.
            save_optimizer: whether the run can be resumed from the file.
            save_param_scheduler: whether to save the schedulers.
            meta: further entries for ``meta``.
            by_epoch: for MMEngine's interface, not used: the training loop knows how far it is.
            backend_args: for MMEngine's interface, not used.

        Raises:
            DataError: if the file cannot be written.
        """
        weights = gather(self._bare_model.state_dict())
        optimizer = gather(self.optim_wrapper.state_dict()) if save_optimizer else None
        if not is_main_process():
            return
        progress = self.train_loop.progress
        checkpoint: dict[str, Any] = dict(
            meta=dict(
                **(meta or {}),
                epoch=progress.epoch,
                iter=progress.iter,
                step=progress.step,
                seed=self.seed,
                experiment_name=self.experiment_name,
                time=time.strftime('%Y-%m-%d %H:%M:%S'),
                unisign_version=__version__,
                mmengine_version=mmengine.__version__,
                torch_version=torch.__version__.split('+')[0],
                cfg=self.config_text,
            ),
            state_dict=weights,
        )
        if save_optimizer:
            checkpoint['optimizer'] = optimizer
            checkpoint['run'] = run_essentials(self)
        if save_param_scheduler:
            checkpoint['param_schedulers'] = [scheduler.state_dict() for scheduler in self.param_schedulers or []]
        self.call_hook('before_save_checkpoint', checkpoint=checkpoint)
        write_checkpoint(Path(out_dir) / filename, checkpoint)

    @property
    def _bare_model(self) -> torch.nn.Module:
        return self.model.module if is_model_wrapper(self.model) else self.model

    # Building -----------------------------------------------------------------------------------------------------

    def wrap_model(self, model_wrapper_cfg: dict | None, model: torch.nn.Module) -> torch.nn.Module:
        """Wrap the model for several processes; unlike MMEngine, also with wrappers registered in our scope."""
        if model_wrapper_cfg is not None and isinstance(model_wrapper_cfg.get('type'), str):
            model_wrapper_cfg = dict(model_wrapper_cfg, type=MODEL_WRAPPERS.get(model_wrapper_cfg['type']))
        return super().wrap_model(model_wrapper_cfg, model)

    def build_optim_wrapper(self, optim_wrapper: Any) -> OptimWrapper:
        """Build the optimizer wrapper; a model wrapper that steps by itself gets to know it."""
        wrapper = super().build_optim_wrapper(optim_wrapper)
        if isinstance(self.model, DeepSpeedModel):
            self.model.take(wrapper)
        return wrapper

    def _init_model_weights(self) -> None:
        """Let the model load what its parts start from."""
        if isinstance(self.model, FullyShardedModel):
            self.model.init_weights()
        else:
            super()._init_model_weights()

    def _maybe_compile(self, target: str) -> None:
        """Compile pose encoder and language model, if the config's ``compile`` is True or holds options.

        Those with a method ``compile_networks``, that is; other heads run as they are.

        MMEngine compiles ``target``, the whole training step, anew for each length of the clips and of their texts.

        Raises:
            ConfigError: for another value, or a pose encoder that has nothing to compile.
        """
        options = self.cfg.get('compile', False)
        if options is None or options is False:
            return
        if options is not True and not isinstance(options, MutableMapping):
            raise ConfigError(
                'compile', f'{options!r} is neither True nor False nor a dict.', "Example: dict(backend='inductor')."
            )
        encoder: Any = getattr(self._bare_model, 'pose_encoder', None)
        if not hasattr(encoder, 'compile_networks'):
            raise ConfigError('compile', f'{type(encoder).__name__} has no networks to compile.', 'Leave it out.')
        parts: list[Any] = [encoder, getattr(self._bare_model, 'head', None)]
        for part in parts:
            if hasattr(part, 'compile_networks'):
                part.compile_networks(**({} if options is True else options))
        self.logger.info('The networks are compiled at their first batches, which takes minutes.')

    def build_train_loop(self, loop: BaseLoop | dict) -> SignTrainLoop:
        """Build the training loop.

        Raises:
            ConfigError: if it is none of ours; with another one a run could not be resumed exactly.
        """
        loop = super().build_train_loop(loop)
        if not isinstance(loop, SignTrainLoop):
            raise ConfigError(
                'train_cfg.type', f'expected SignTrainLoop or a subclass, got {type(loop).__name__}.', 'Set it to that.'
            )
        return loop

    @staticmethod
    def build_dataloader(
        dataloader: DataLoader | dict, seed: int | None = None, diff_rank_seed: bool = False
    ) -> DataLoader:
        """Build a data loader; unlike MMEngine, also with collate functions that are registered in our scope."""
        if isinstance(dataloader, MutableMapping):
            dataloader = copy.deepcopy(dataloader)
            for key in ('collate_fn', 'worker_init_fn'):
                function = dataloader.get(key)
                if isinstance(function, MutableMapping) and isinstance(function.get('type'), str):
                    function['type'] = FUNCTIONS.get(function['type'])
        return Runner.build_dataloader(dataloader, seed, diff_rank_seed)

    def _build_param_scheduler(
        self, scheduler: _ParamScheduler | dict | list, optim_wrapper: OptimWrapper
    ) -> list[_ParamScheduler]:
        """Build schedulers; those with ``by_epoch=False`` end, if the config does not say where, at the last step.

        Raises:
            ConfigError: for what a scheduler refuses, such as a warm-up that is longer than the run.
        """
        configs = scheduler if isinstance(scheduler, list | tuple) else [scheduler]
        configs = [
            dict(config, end=self.train_loop.max_steps) if _counts_steps(config) and 'end' not in config else config
            for config in configs
        ]
        try:
            return super()._build_param_scheduler(configs, optim_wrapper)
        except ValueError as error:
            raise ConfigError('param_scheduler', f'{error}.', 'Change it, or train for longer.') from error

    def scale_lr(self, optim_wrapper: OptimWrapper, auto_scale_lr: dict | None = None) -> None:
        """Scale the learning rate with the clips in an optimizer step, gradient accumulation included."""
        if auto_scale_lr and auto_scale_lr.get('enable'):
            clips_without_accumulation = auto_scale_lr['base_batch_size'] / optim_wrapper._accumulative_counts
            auto_scale_lr = dict(auto_scale_lr, base_batch_size=clips_without_accumulation)
        super().scale_lr(optim_wrapper, auto_scale_lr)

    def build_logger(self, log_level: int | str = 'INFO', log_file: str | None = None, **kwargs: Any) -> MMLogger:
        """Build MMEngine's logger; its long start-up blocks go to the file only."""
        logger = super().build_logger(log_level, log_file, **kwargs)
        for handler in logger.handlers:
            if not isinstance(handler, logging.FileHandler):
                handler.addFilter(lambda record: not str(record.msg).startswith(FILE_ONLY))
        return logger

    def _log_start(self, notes: list[str]) -> None:
        device = (
            torch.cuda.get_device_name() if torch.cuda.is_available() else f'CPU, {torch.get_num_threads()} threads'
        )
        self.logger.info(
            f'unisign {__version__}, Python {platform.python_version()}, torch {torch.__version__}, {device}, '
            f'{get_world_size()} process(es), seed {self.seed}. Config and environment: {self.log_dir}'
        )
        for note in notes:
            self.logger.warning(note[0].upper() + note[1:])


def _counts_steps(config: Any) -> bool:
    if not isinstance(config, dict):
        return False
    return config.get('type') == 'StepCosineLR' or config.get('by_epoch') is False

"""Runner, loops, hooks and schedules that MMEngine lacks."""

from unisign.engine.checkpoint_io import find_best_checkpoint, find_last_checkpoint
from unisign.engine.config_check import ConfigError, check_config, read_config
from unisign.engine.cosine_schedule import StepCosineLR
from unisign.engine.deep_speed_model import DeepSpeedModel
from unisign.engine.device import adapt_to_machine
from unisign.engine.evaluation_loops import SignTestLoop, SignValLoop
from unisign.engine.fully_sharded_model import FullyShardedModel
from unisign.engine.hooks import (
    BufferAverageHook,
    EarlyStoppingHook,
    EMAHook,
    FailedClipHook,
    OptimizerStepSchedulerHook,
    SignCheckpointHook,
)
from unisign.engine.optim_constructor import SignOptimWrapperConstructor
from unisign.engine.sign_runner import SignRunner
from unisign.engine.train_loop import SignTrainLoop

__all__ = [
    'BufferAverageHook',
    'ConfigError',
    'DeepSpeedModel',
    'EMAHook',
    'EarlyStoppingHook',
    'FailedClipHook',
    'FullyShardedModel',
    'OptimizerStepSchedulerHook',
    'SignCheckpointHook',
    'SignOptimWrapperConstructor',
    'SignRunner',
    'SignTestLoop',
    'SignTrainLoop',
    'SignValLoop',
    'StepCosineLR',
    'adapt_to_machine',
    'check_config',
    'find_best_checkpoint',
    'find_last_checkpoint',
    'read_config',
]

"""What happens around training and evaluation steps."""

from unisign.engine.hooks.buffer_average_hook import BufferAverageHook
from unisign.engine.hooks.data_check_hook import DataCheckHook
from unisign.engine.hooks.early_stopping_hook import EarlyStoppingHook
from unisign.engine.hooks.ema_hook import EMAHook
from unisign.engine.hooks.failed_clip_hook import FailedClipHook
from unisign.engine.hooks.fusion_gate_hook import FusionGateHook
from unisign.engine.hooks.fusion_visualization_hook import FusionVisualizationHook
from unisign.engine.hooks.optimizer_step_scheduler_hook import OptimizerStepSchedulerHook
from unisign.engine.hooks.sign_checkpoint_hook import SignCheckpointHook

__all__ = [
    'BufferAverageHook',
    'DataCheckHook',
    'EMAHook',
    'EarlyStoppingHook',
    'FailedClipHook',
    'FusionGateHook',
    'FusionVisualizationHook',
    'OptimizerStepSchedulerHook',
    'SignCheckpointHook',
]

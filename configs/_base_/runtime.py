# What every run shares: hooks, logs, environment. On a machine without CUDA the engine adapts it and says so.
default_scope = 'unisign'
runner_type = 'SignRunner'

default_hooks = dict(
    runtime_info=dict(type='RuntimeInfoHook'),
    timer=dict(type='IterTimerHook'),
    sampler_seed=None,  # the training loop tells the batch sampler its epoch
    logger=dict(type='LoggerHook', interval=10),
    param_scheduler=dict(type='OptimizerStepSchedulerHook'),
    # save_best names a metric of the dev split: dev/bleu4, dev/wer, dev/top1_per_instance
    checkpoint=dict(type='SignCheckpointHook', interval=1, interval_minutes=30, max_keep_ckpts=2),
    failed_clips=dict(type='FailedClipHook'),
    data_check=dict(type='DataCheckHook'),  # languages and labels the model does not know stop the run at once
    # how far the fusion of an RGB-pose model lets pictures in; a warning when it has closed for good
    fusion_gate=dict(type='FusionGateHook'),
    # the hands of two dev clips after each validation, as RGB-pose models read them; nothing for pose-only models
    visualization=dict(type='FusionVisualizationHook', interval=1, num_clips=2),
)
custom_hooks = []

env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl', timeout=3600),
)
sync_bn = 'torch'
randomness = dict(seed=42)

visualizer = dict(
    type='SignVisualizer',
    vis_backends=[dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')],
)
log_processor = dict(type='LogProcessor', window_size=10, by_epoch=True)
log_level = 'INFO'

load_from = None
resume = False

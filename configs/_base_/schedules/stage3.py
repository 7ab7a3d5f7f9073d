# Stage 3, fine-tuning on one dataset and task: 20 epochs; 8 clips a GPU x 4 GPUs = 32 (spec.md, section 1).
# The batch size stands in the config's train_dataloader.
train_cfg = dict(type='SignTrainLoop', max_epochs=20, val_interval=1)
val_cfg = dict(type='SignValLoop')
test_cfg = dict(type='SignTestLoop')

optim_wrapper = dict(
    type='AmpOptimWrapper',
    dtype='bfloat16',
    loss_scale=1.0,
    constructor='SignOptimWrapperConstructor',  # weight decay on tensors with two or more dimensions only
    optimizer=dict(type='AdamW', lr=3e-4, betas=(0.9, 0.999), eps=1e-9, weight_decay=1e-4),
    clip_grad=dict(max_norm=1.0),
    accumulative_counts=1,
)
param_scheduler = dict(type='StepCosineLR')  # to 0 over all optimizer steps, no warm-up
auto_scale_lr = dict(enable=False, base_batch_size=32)

# Stage 3 on the toy corpus: RGB-pose continuous recognition (glosses).
_base_ = [
    '../_base_/models/unisign_toy.py',
    '../_base_/datasets/toy_rgb.py',
    '../_base_/schedules/stage3.py',
    '../_base_/runtime.py',
]

train_dataloader = dict(dataset=dict(ann_file='annotations/cslr_train.jsonl', task='cslr'))
val_dataloader = dict(dataset=dict(ann_file='annotations/cslr_dev.jsonl', task='cslr'))
test_dataloader = dict(dataset=dict(ann_file='annotations/cslr_test.jsonl', task='cslr'))
val_evaluator = dict(type='CSLRMetric', prefix='dev')
test_evaluator = dict(type='CSLRMetric', prefix='test')
model = dict(head=dict(dropout=0.1))
load_from = 'work_dirs/stage2_toy/checkpoints/epoch_5.pth'

# Without stage 2 before it the pictures' networks start from nothing: raise their rates.
optim_wrapper = dict(
    optimizer=dict(lr=6e-4), accumulative_counts=1, paramwise_cfg=dict(lr_mult=dict(rgb_encoder=1.0, fusion=1.0))
)
param_scheduler = dict(warmup_steps=50)
train_cfg = dict(max_epochs=10, val_interval=5)
default_hooks = dict(checkpoint=dict(save_best='dev/wer'), logger=dict(interval=50))

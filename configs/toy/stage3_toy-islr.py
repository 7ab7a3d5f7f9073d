# Stage 3 on the toy corpus: RGB-pose isolated recognition; every answer is one of the classes.
_base_ = [
    '../_base_/models/unisign_toy.py',
    '../_base_/datasets/toy_rgb.py',
    '../_base_/schedules/stage3.py',
    '../_base_/runtime.py',
]

train_dataloader = dict(dataset=dict(ann_file='annotations/islr_train.jsonl', task='islr'))
val_dataloader = dict(dataset=dict(ann_file='annotations/islr_dev.jsonl', task='islr'))
test_dataloader = dict(dataset=dict(ann_file='annotations/islr_test.jsonl', task='islr'))
val_evaluator = dict(type='ISLRMetric', prefix='dev')
test_evaluator = dict(type='ISLRMetric', prefix='test')
model = dict(head=dict(vocabularies=dict(islr='data/toy/labels_islr.txt')))
load_from = 'work_dirs/stage2_toy/checkpoints/epoch_5.pth'

# Without stage 2 before it the pictures' networks start from nothing: raise their rates.
optim_wrapper = dict(
    optimizer=dict(lr=6e-4), accumulative_counts=1, paramwise_cfg=dict(lr_mult=dict(rgb_encoder=1.0, fusion=1.0))
)
param_scheduler = dict(warmup_steps=50)
train_cfg = dict(max_epochs=10, val_interval=5)
default_hooks = dict(checkpoint=dict(save_best='dev/top1_per_instance'), logger=dict(interval=50))

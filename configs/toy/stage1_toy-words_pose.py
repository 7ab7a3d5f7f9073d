# Before stage 1 on the toy corpus: single signs and their words in both languages. A small language model with random
# weights learns to look at the frames where there is one sign to look at; on whole sentences it would first learn to do
# without them. A pretrained language model needs no such step.
_base_ = [
    '../_base_/models/unisign_toy_pose.py',
    '../_base_/datasets/toy.py',
    '../_base_/schedules/stage1.py',
    '../_base_/runtime.py',
]

train_dataloader = dict(dataset=dict(ann_file='annotations/dictionary_train.jsonl', task='islr'))
val_dataloader = dict(dataset=dict(ann_file='annotations/islr_dev.jsonl', task='islr'))
test_dataloader = dict(dataset=dict(ann_file='annotations/islr_dev.jsonl', task='islr', name='dev'))
val_evaluator = dict(type='ISLRMetric', prefix='dev')
test_evaluator = dict(type='ISLRMetric', prefix='dev')

optim_wrapper = dict(optimizer=dict(lr=7e-4), accumulative_counts=1, paramwise_cfg=dict(lr_mult=dict(pose_encoder=3.0)))
param_scheduler = dict(warmup_steps=50)
train_cfg = dict(max_epochs=16, val_interval=8)
default_hooks = dict(checkpoint=dict(save_best='dev/top1_per_instance'), logger=dict(interval=50))

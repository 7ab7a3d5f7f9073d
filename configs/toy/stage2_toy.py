# Stage 2 on the toy corpus: RGB-pose pre-training on sentences of both languages, from stage 1. tools/test.py reports
# dev here, and says so.
_base_ = [
    '../_base_/models/unisign_toy.py',
    '../_base_/datasets/toy_rgb.py',
    '../_base_/schedules/stage2.py',
    '../_base_/runtime.py',
]

train_dataloader = dict(dataset=dict(ann_file='annotations/pretrain_train.jsonl', task='slt'))
val_dataloader = dict(dataset=dict(ann_file='annotations/pretrain_dev.jsonl', task='slt'))
test_dataloader = dict(dataset=dict(ann_file='annotations/pretrain_dev.jsonl', task='slt', name='dev'))
val_evaluator = dict(type='SLTMetric', prefix='dev')
test_evaluator = dict(type='SLTMetric', prefix='dev')
model = dict(head=dict(dropout=0.1))
load_from = 'work_dirs/stage1_toy_pose/checkpoints/epoch_14.pth'

# The pictures' networks start from nothing, the others are trained.
optim_wrapper = dict(
    optimizer=dict(lr=5e-4), accumulative_counts=1, paramwise_cfg=dict(lr_mult=dict(rgb_encoder=3.0, fusion=3.0))
)
param_scheduler = dict(warmup_steps=50)
train_cfg = dict(max_epochs=5, val_interval=5)
default_hooks = dict(checkpoint=dict(save_best='dev/bleu4'), logger=dict(interval=50))

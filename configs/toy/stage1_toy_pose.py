# Stage 1 on the toy corpus: pose-only pre-training on sentences of both languages. The corpus keeps its test split for
# stage 3: tools/test.py reports dev here, and says so.
_base_ = [
    '../_base_/models/unisign_toy_pose.py',
    '../_base_/datasets/toy.py',
    '../_base_/schedules/stage1.py',
    '../_base_/runtime.py',
]

train_dataloader = dict(dataset=dict(ann_file='annotations/pretrain_train.jsonl', task='slt'))
val_dataloader = dict(dataset=dict(ann_file='annotations/pretrain_dev.jsonl', task='slt'))
test_dataloader = dict(dataset=dict(ann_file='annotations/pretrain_dev.jsonl', task='slt', name='dev'))
val_evaluator = dict(type='SLTMetric', prefix='dev')
test_evaluator = dict(type='SLTMetric', prefix='dev')
model = dict(head=dict(dropout=0.1))
load_from = 'work_dirs/stage1_toy-words_pose/checkpoints/epoch_16.pth'

optim_wrapper = dict(optimizer=dict(lr=8e-4), accumulative_counts=1, paramwise_cfg=dict(lr_mult=dict(pose_encoder=2.0)))
param_scheduler = dict(warmup_steps=50)
train_cfg = dict(max_epochs=14, val_interval=7)
default_hooks = dict(checkpoint=dict(save_best='dev/bleu4'), logger=dict(interval=50))

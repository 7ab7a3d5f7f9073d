# Stage 1 on the toy corpus: pose-only pre-training on sentences of both languages.
_base_ = [
    '../_base_/models/unisign_toy_pose.py',
    '../_base_/datasets/sentences.py',
    '../_base_/schedules/stage1.py',
    '../_base_/runtime.py',
]

data_root = 'data/toy'
train_dataloader = dict(
    batch_size=32,
    num_workers=1,
    dataset=dict(data_root=data_root, ann_file='annotations/pretrain_train.jsonl', task='slt'),
)
val_dataloader = dict(
    batch_size=32,
    num_workers=1,
    dataset=dict(data_root=data_root, ann_file='annotations/pretrain_dev.jsonl', task='slt'),
)
test_dataloader = dict(
    batch_size=32,
    num_workers=1,
    dataset=dict(data_root=data_root, ann_file='annotations/pretrain_dev.jsonl', task='slt', name='dev'),
)
test_evaluator = dict(prefix='dev')

optim_wrapper = dict(optimizer=dict(lr=1e-3), accumulative_counts=1)
train_cfg = dict(max_epochs=30, val_interval=10)
default_hooks = dict(checkpoint=dict(save_best='dev/bleu4'))

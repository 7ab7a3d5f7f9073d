# Stage 3 on the toy corpus: pose-only translation, English and Chinese in one run.
_base_ = [
    '../_base_/models/unisign_toy_pose.py',
    '../_base_/datasets/sentences.py',
    '../_base_/schedules/stage3.py',
    '../_base_/runtime.py',
]

data_root = 'data/toy'
train_dataloader = dict(
    batch_size=32,
    num_workers=1,
    dataset=dict(data_root=data_root, ann_file='annotations/slt_train.jsonl', task='slt'),
)
val_dataloader = dict(
    batch_size=32,
    num_workers=1,
    dataset=dict(data_root=data_root, ann_file='annotations/slt_dev.jsonl', task='slt'),
)
test_dataloader = dict(
    batch_size=32,
    num_workers=1,
    dataset=dict(data_root=data_root, ann_file='annotations/slt_test.jsonl', task='slt'),
)
load_from = 'work_dirs/stage1_toy_pose/checkpoints/epoch_30.pth'

optim_wrapper = dict(optimizer=dict(lr=5e-4), accumulative_counts=1)
train_cfg = dict(max_epochs=20, val_interval=5)
default_hooks = dict(checkpoint=dict(save_best='dev/bleu4'))

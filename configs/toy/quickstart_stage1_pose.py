# The quickstart's stage 1: pre-training on the sentences of the small toy corpus (tools/quickstart.sh).
_base_ = './stage1_toy_pose.py'

data_root = 'data/toy_small'
data = dict(data_root=data_root)
train_dataloader = dict(dataset=data)
val_dataloader = dict(dataset=data)
test_dataloader = dict(dataset=data)
model = dict(head=dict(language_model=data_root + '/language_model'))
load_from = 'work_dirs/quickstart/words/checkpoints/epoch_12.pth'

train_cfg = dict(max_epochs=10, val_interval=10)
default_hooks = dict(logger=dict(interval=20))

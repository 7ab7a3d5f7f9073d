# The quickstart's translation, from its stage 1 (tools/quickstart.sh).
_base_ = './stage3_toy-slt_pose.py'

data_root = 'data/toy_small'
data = dict(data_root=data_root)
train_dataloader = dict(dataset=data)
val_dataloader = dict(dataset=data)
test_dataloader = dict(dataset=data)
model = dict(head=dict(language_model=data_root + '/language_model'))
load_from = 'work_dirs/quickstart/stage1/checkpoints/epoch_10.pth'

train_cfg = dict(max_epochs=7, val_interval=7)
default_hooks = dict(logger=dict(interval=20))

# The quickstart's first step: single signs, before sentences (tools/quickstart.sh).
_base_ = './stage1_toy-words_pose.py'

data_root = 'data/toy_small'
data = dict(data_root=data_root)
train_dataloader = dict(dataset=data)
val_dataloader = dict(dataset=data)
test_dataloader = dict(dataset=data)
model = dict(head=dict(language_model=data_root + '/language_model'))

train_cfg = dict(max_epochs=12, val_interval=12)
default_hooks = dict(logger=dict(interval=20))

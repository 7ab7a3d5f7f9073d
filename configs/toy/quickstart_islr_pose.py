# The quickstart's isolated recognition, from its stage 1 (tools/quickstart.sh).
_base_ = './stage3_toy-islr_pose.py'

data_root = 'data/toy_small'
data = dict(data_root=data_root)
train_dataloader = dict(dataset=data)
val_dataloader = dict(dataset=data)
test_dataloader = dict(dataset=data)
labels = data_root + '/labels_islr.txt'
model = dict(head=dict(language_model=data_root + '/language_model', vocabularies=dict(islr=labels)))
load_from = 'work_dirs/quickstart/stage1/checkpoints/epoch_10.pth'

train_cfg = dict(max_epochs=5, val_interval=5)
default_hooks = dict(logger=dict(interval=20))

# Stage 1 on two lists of the toy corpus, its English and its Chinese sentences: two thirds of each epoch are Chinese,
# whatever the sizes. Scores: dev/bleu4 over both, dev/toy-en/bleu4 and dev/toy-zh/bleu4 over one each.
_base_ = './stage1_toy_pose.py'

english = dict(type='SignDataset', task='slt', name='toy-en', data_root='data/toy', languages=['en'])
chinese = dict(type='SignDataset', task='slt', name='toy-zh', data_root='data/toy', languages=['zh'])
train_data = dict(ann_file='annotations/pretrain_train.jsonl', pipeline=_base_.train_pipeline)
dev_data = dict(ann_file='annotations/pretrain_dev.jsonl', pipeline=_base_.test_pipeline, test_mode=True)
train_dataset = dict(type='ConcatSignDataset', datasets=[dict(**english, **train_data), dict(**chinese, **train_data)])
dev_dataset = dict(type='ConcatSignDataset', datasets=[dict(**english, **dev_data), dict(**chinese, **dev_data)])

train_dataloader = dict(
    sampler=dict(type='MixtureSampler', weights=[1, 2]), dataset=dict(_delete_=True, **train_dataset)
)
val_dataloader = dict(dataset=dict(_delete_=True, **dev_dataset))
test_dataloader = dict(dataset=dict(_delete_=True, **dev_dataset))

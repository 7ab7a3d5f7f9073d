# Clips of single words, pose only: at most 64 frames, a class out. A config names data_root, ann_file and lang,
# and gives the head its list of classes (vocabularies).
train_pipeline = [
    dict(type='LoadPoses'),
    dict(type='SampleFrames', sampler=dict(type='RandomFrameSampler'), max_frames=64),
    dict(type='NormalizeParts'),
    dict(type='PackSignInputs'),
]
test_pipeline = [
    dict(type='LoadPoses'),
    dict(type='SampleFrames', sampler=dict(type='EvenFrameSampler'), max_frames=64),
    dict(type='NormalizeParts'),
    dict(type='PackSignInputs'),
]

train_dataloader = dict(
    batch_size=8,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='EpochSampler', shuffle=True),
    batch_sampler=dict(type='LengthBucketBatchSampler'),
    collate_fn=dict(type='sign_collate'),
    dataset=dict(
        type='SignDataset', ann_file='annotations/train.jsonl', task='islr', pipeline=train_pipeline, name='train'
    ),
)
val_dataloader = dict(
    batch_size=8,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='EpochSampler', shuffle=False),
    batch_sampler=dict(type='EvalBatchSampler'),
    collate_fn=dict(type='sign_collate'),
    dataset=dict(
        type='SignDataset',
        ann_file='annotations/dev.jsonl',
        task='islr',
        pipeline=test_pipeline,
        test_mode=True,
        name='dev',
    ),
)
test_dataloader = dict(
    batch_size=8,
    num_workers=4,
    sampler=dict(type='EpochSampler', shuffle=False),
    batch_sampler=dict(type='EvalBatchSampler'),
    collate_fn=dict(type='sign_collate'),
    dataset=dict(
        type='SignDataset',
        ann_file='annotations/test.jsonl',
        task='islr',
        pipeline=test_pipeline,
        test_mode=True,
        name='test',
    ),
)
val_evaluator = dict(type='ISLRMetric', prefix='dev')
test_evaluator = dict(type='ISLRMetric', prefix='test')

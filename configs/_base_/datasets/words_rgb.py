# As words.py, with pictures of the hands at a tenth of the frames, the worst keypoints first (spec.md, section 5).
_base_ = './words.py'

train_pipeline = [
    dict(type='LoadPoses'),
    dict(type='SampleFrames', sampler=dict(type='RandomFrameSampler'), max_frames=64),
    dict(type='SampleHandFrames', sampler=dict(type='ScoreAwareFrameSampler'), ratio=0.1, score_threshold=0.3),
    dict(type='LoadHandCrops', resize='torch'),  # fast; the test crops are the published ones, bit for bit
    dict(type='NormalizeParts'),
    dict(type='PackSignInputs'),
]
test_pipeline = [
    dict(type='LoadPoses'),
    dict(type='SampleFrames', sampler=dict(type='EvenFrameSampler'), max_frames=64),
    dict(type='SampleHandFrames', sampler=dict(type='ScoreAwareFrameSampler'), ratio=0.1, score_threshold=0.3),
    dict(type='LoadHandCrops'),
    dict(type='NormalizeParts'),
    dict(type='PackSignInputs'),
]

train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))

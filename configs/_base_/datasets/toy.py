# The toy corpus, pose only: at most 40 frames a clip (a sign takes about 8 of them). In training, the builds, habits
# and paces that its few signers do not show come from augmentation. A config names ann_file and task.
train_pipeline = [
    dict(type='LoadPoses'),
    dict(type='RandomTimeWarp', speed=0.2, warp=0.2, crop=0.0),
    dict(type='SampleFrames', sampler=dict(type='RandomFrameSampler'), max_frames=40),
    dict(type='RandomMirrorPoses', prob=0.5),
    dict(type='RandomBodyProportions', head=0.15, shoulders=0.1, arms=0.1, hands=0.15),
    dict(type='RandomHandPlacement', shift=0.06, drift=0.03),
    dict(type='RandomHandRotation', rotation=10, tilt=15),
    dict(type='RandomAffinePoses', rotation=6, stretch=0.15, shear=0.05),
    dict(type='NormalizeParts'),
    dict(type='PackSignInputs'),
]
test_pipeline = [
    dict(type='LoadPoses'),
    dict(type='SampleFrames', sampler=dict(type='EvenFrameSampler'), max_frames=40),
    dict(type='NormalizeParts'),
    dict(type='PackSignInputs'),
]

data_root = 'data/toy'
train_dataloader = dict(
    batch_size=16,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='EpochSampler', shuffle=True),
    batch_sampler=dict(type='LengthBucketBatchSampler'),
    collate_fn=dict(type='sign_collate'),
    dataset=dict(type='SignDataset', data_root=data_root, pipeline=train_pipeline, name='train'),
)
val_dataloader = dict(
    batch_size=32,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='EpochSampler', shuffle=False),
    batch_sampler=dict(type='EvalBatchSampler'),
    collate_fn=dict(type='sign_collate'),
    dataset=dict(type='SignDataset', data_root=data_root, pipeline=test_pipeline, test_mode=True, name='dev'),
)
test_dataloader = dict(
    batch_size=32,
    num_workers=1,
    sampler=dict(type='EpochSampler', shuffle=False),
    batch_sampler=dict(type='EvalBatchSampler'),
    collate_fn=dict(type='sign_collate'),
    dataset=dict(type='SignDataset', data_root=data_root, pipeline=test_pipeline, test_mode=True, name='test'),
)

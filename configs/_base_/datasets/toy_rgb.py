# As toy.py, with pictures of the hands at a tenth of the frames, the worst keypoints first; 64 px are as large as hands
# get in the toy videos. What changes the poses comes behind the crops, which show the hand as it was.
_base_ = './toy.py'

train_pipeline = [
    dict(type='LoadPoses'),
    dict(type='SampleFrames', sampler=dict(type='RandomFrameSampler'), max_frames=40),
    dict(type='SampleHandFrames', sampler=dict(type='ScoreAwareFrameSampler'), ratio=0.1, score_threshold=0.3),
    dict(type='LoadHandCrops', size=64),
    dict(type='RandomTimeWarp', speed=0.2, warp=0.2, crop=0.0, max_frames=40),
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
    dict(type='SampleHandFrames', sampler=dict(type='ScoreAwareFrameSampler'), ratio=0.1, score_threshold=0.3),
    dict(type='LoadHandCrops', size=64),
    dict(type='NormalizeParts'),
    dict(type='PackSignInputs'),
]

train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))

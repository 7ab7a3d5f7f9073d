# Isolated recognition on the toy corpus with the four parts of example_module.py in the place of ours.
_base_ = '../../configs/toy/stage3_toy-islr_pose.py'
custom_imports = dict(imports=['example_module'])  # PYTHONPATH=projects/example_module

pipeline = [
    dict(type='LoadPoses'),
    dict(type='SampleFrames', sampler=dict(type='MiddleFrameSampler'), max_frames=40),
    dict(type='HideFace', share=0.5),
    dict(type='NormalizeParts'),
    dict(type='PackSignInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=pipeline))

model = dict(
    pose_encoder=dict(_delete_=True, type='FrameConvEncoder', channels=128, out_channels=128),
    head=dict(_delete_=True, type='LinearClassHead', labels='data/toy/labels_islr.txt', in_channels=128),
)
load_from = None

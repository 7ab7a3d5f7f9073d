# The small Uni-Sign with pictures of the hands: a few convolutions, and a fusion as wide as the features of the hands.
_base_ = './unisign_toy_pose.py'

model = dict(
    rgb_encoder=dict(
        type='HandCropEncoder', backbone=dict(type='SmallConvNet', channels=(16, 32, 64), grid=4), out_channels=32
    ),
    fusion=dict(type='PriorGuidedFusion', channels=32, num_heads=4, gate_bias=0.5),
)

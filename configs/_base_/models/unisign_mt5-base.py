# Uni-Sign at its published size, RGB-pose: 592.6 M parameters. The pose-only model, and an EfficientNet-B0 (4.0 M) that
# reads a tenth of the hands' frames, fused where the keypoints are (spec.md, section 5).
_base_ = './unisign_mt5-base_pose.py'

model = dict(
    rgb_encoder=dict(
        type='HandCropEncoder',
        # weights: the file that torchvision publishes; stage 2 of the paper starts from it. None: a random start.
        backbone=dict(type='EfficientNet', arch='b0', weights=None),
        out_channels=256,
    ),
    fusion=dict(type='PriorGuidedFusion', channels=256, num_heads=8, gate_bias=0.5),
)

# 14 ASL words from one signer's clips, recognised on signers never seen: what the one signer cannot teach (builds,
# cameras, handedness, pace, lost hands) comes from augmentation. Commands and results: docs/results.md.
_base_ = [
    '../_base_/datasets/words.py',
    '../_base_/schedules/stage3.py',
    '../_base_/runtime.py',
]

data_root = 'data/asl14'
language_model = data_root + '/language_model'

train_pipeline = [
    dict(type='LoadPoses'),
    dict(type='SampleFrames', sampler=dict(type='RandomFrameSampler'), max_frames=64),
    dict(type='RandomTimeWarp', speed=0.3, warp=0.3, crop=0.1, max_frames=64),
    dict(type='RandomIdleHand', prob=0.3),
    dict(type='RandomMirrorPoses', prob=0.5),
    dict(type='RandomBodyProportions', head=0.2, shoulders=0.15, arms=0.15, hands=0.2),
    dict(type='RandomHandPlacement', shift=0.1, drift=0.05),
    dict(type='RandomHandRotation', rotation=15, tilt=30),
    dict(type='RandomFingerPoses', rotation=5, length=0.08),
    dict(type='RandomAffinePoses', rotation=10, stretch=0.3, shear=0.1),
    dict(type='RandomKeypointNoise', white=0.01, slow=0.02),
    dict(type='RandomDropHands', span=0.4, scattered=0.1, prob=0.2),
    dict(type='RandomDropPoints', clip_prob=0.02, frame_prob=0.02, arm_prob=0.1),
    dict(type='NormalizeParts'),
    dict(type='PackSignInputs'),
]
train_dataloader = dict(
    batch_size=16,
    num_workers=1,
    dataset=dict(data_root=data_root, ann_file='train.jsonl', pipeline=train_pipeline),
)
val_dataloader = dict(batch_size=64, num_workers=1, dataset=dict(data_root=data_root, ann_file='dev.jsonl'))
# tools/test.py reports dev, and says so. Another split: --cfg-options test_dataloader.dataset.ann_file=PATH
# test_dataloader.dataset.name=NAME test_evaluator.prefix=NAME
test_dataloader = dict(
    batch_size=64, num_workers=1, dataset=dict(data_root=data_root, ann_file='dev.jsonl', name='dev')
)
test_evaluator = dict(prefix='dev')

model = dict(
    type='UniSign',
    padding='masked',
    data_preprocessor=dict(type='SignDataPreprocessor'),
    pose_encoder=dict(
        type='PartGCNEncoder',
        embed_channels=16,
        spatial_channels=(16, 32, 32),
        temporal_channels=(32, 32, 32),
        temporal_kernel=5,
        out_channels=128,
        projection_std=0.4,  # brings the features to the size of the prompt's embeddings, which are random too
        dropout=0.1,
    ),
    head=dict(
        type='MT5GenerationHead',
        language_model=language_model,
        pretrained=False,
        label_smoothing=0.1,
        max_target_tokens=20,
        generation=dict(num_beams=4, max_new_tokens=20),
        vocabularies=dict(islr=data_root + '/train_labels.txt'),
        dropout=0.05,
    ),
)

# A fixed number of epochs; the last weights are the result, so nothing is chosen on dev.
optim_wrapper = dict(
    optimizer=dict(lr=7e-4, weight_decay=1e-2),
    accumulative_counts=1,
    paramwise_cfg=dict(lr_mult=dict(pose_encoder=3.0)),
)
param_scheduler = dict(warmup_steps=50)
train_cfg = dict(max_epochs=24, val_interval=6)

# Stage 2: RGB-pose pre-training on YouTube-ASL (American Sign Language), from stage 1: 5 epochs,
# 4 clips x 8 steps x 4 GPUs = 128.
# The corpus has no test split: tools/test.py reports its dev split, and says so. Training leaves out the videos of
# OpenASL's dev and test clips, since stage 3 goes on from here (docs/datasets.md has the command).
_base_ = [
    '../_base_/models/unisign_mt5-base.py',
    '../_base_/datasets/sentences_rgb.py',
    '../_base_/schedules/stage2.py',
    '../_base_/runtime.py',
]

data = dict(data_root='data/youtube-asl', lang='en')
train_dataloader = dict(batch_size=4, dataset=dict(ann_file='annotations/train_no-openasl.jsonl', **data))
val_dataloader = dict(batch_size=4, dataset=data)
test_dataloader = dict(batch_size=4, dataset=dict(ann_file='annotations/dev.jsonl', name='dev', **data))
test_evaluator = dict(prefix='dev')
default_hooks = dict(checkpoint=dict(save_best='dev/bleu4'))
load_from = 'work_dirs/stage1_youtube-asl_pose/checkpoints/epoch_20.pth'

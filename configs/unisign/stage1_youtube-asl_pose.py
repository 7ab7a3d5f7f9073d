# Stage 1: pose-only pre-training on YouTube-ASL (American Sign Language): 20 epochs, 16 clips x 8 steps x 4 GPUs = 512.
# The corpus has no test split: tools/test.py reports its dev split, and says so. Training leaves out the videos of
# OpenASL's dev and test clips, since stage 3 goes on from here (docs/datasets.md has the command).
_base_ = [
    '../_base_/models/unisign_mt5-base_pose.py',
    '../_base_/datasets/sentences.py',
    '../_base_/schedules/stage1.py',
    '../_base_/runtime.py',
]

data = dict(data_root='data/youtube-asl', lang='en')
train_dataloader = dict(batch_size=16, dataset=dict(ann_file='annotations/train_no-openasl.jsonl', **data))
val_dataloader = dict(batch_size=16, dataset=data)
test_dataloader = dict(batch_size=16, dataset=dict(ann_file='annotations/dev.jsonl', name='dev', **data))
test_evaluator = dict(prefix='dev')
default_hooks = dict(checkpoint=dict(save_best='dev/bleu4'))

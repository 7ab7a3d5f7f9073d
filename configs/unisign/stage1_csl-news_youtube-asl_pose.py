# Stage 1 on CSL-News (Chinese) and YouTube-ASL (American Sign Language) together: 20 epochs, 16 clips x 8 steps x
# 4 GPUs = 512. An epoch has as many clips as both corpora; temperature 2 draws the smaller one a little more often than
# its size says. dev/bleu4 is over both, dev/csl-news/bleu4 and dev/youtube-asl/bleu4 over one each. YouTube-ASL comes
# without the videos of OpenASL's dev and test clips (docs/datasets.md has the command). Neither corpus has a test
# split: tools/test.py reports dev, and says so.
_base_ = [
    '../_base_/models/unisign_mt5-base_pose.py',
    '../_base_/datasets/sentences.py',
    '../_base_/schedules/stage1.py',
    '../_base_/runtime.py',
]

csl_news = dict(type='SignDataset', task='slt', name='csl-news', data_root='data/csl-news', lang='zh')
youtube_asl = dict(type='SignDataset', task='slt', name='youtube-asl', data_root='data/youtube-asl', lang='en')
train_data = dict(pipeline=_base_.train_pipeline)
dev_data = dict(ann_file='annotations/dev.jsonl', pipeline=_base_.test_pipeline, test_mode=True)
train_dataset = dict(
    type='ConcatSignDataset',
    datasets=[
        dict(ann_file='annotations/train.jsonl', **csl_news, **train_data),
        dict(ann_file='annotations/train_no-openasl.jsonl', **youtube_asl, **train_data),
    ],
)
dev_dataset = dict(type='ConcatSignDataset', datasets=[dict(**csl_news, **dev_data), dict(**youtube_asl, **dev_data)])

train_dataloader = dict(
    batch_size=16,
    sampler=dict(type='MixtureSampler', temperature=2.0),
    dataset=dict(_delete_=True, **train_dataset),
)
val_dataloader = dict(batch_size=16, dataset=dict(_delete_=True, **dev_dataset))
test_dataloader = dict(batch_size=16, dataset=dict(_delete_=True, **dev_dataset))
test_evaluator = dict(prefix='dev')
default_hooks = dict(checkpoint=dict(save_best='dev/bleu4'))

# Stage 3: RGB-pose fine-tuning on CSL-Daily, continuous recognition: 20 epochs, 8 clips x 4 GPUs = 32.
_base_ = [
    '../_base_/models/unisign_mt5-base.py',
    '../_base_/datasets/sentences_rgb.py',
    '../_base_/schedules/stage3.py',
    '../_base_/runtime.py',
]

data = dict(data_root='data/csl-daily', lang='zh', task='cslr')
train_dataloader = dict(dataset=data)
val_dataloader = dict(dataset=data)
test_dataloader = dict(dataset=data)
val_evaluator = dict(type='CSLRMetric')
test_evaluator = dict(type='CSLRMetric')
load_from = 'work_dirs/stage2_csl-news/checkpoints/epoch_5.pth'
default_hooks = dict(checkpoint=dict(save_best='dev/wer'))

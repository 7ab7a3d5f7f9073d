# Stage 3: RGB-pose fine-tuning on How2Sign, translation: 20 epochs, 8 clips x 4 GPUs = 32.
# The checkpoint is chosen on dev, never on test.
_base_ = [
    '../_base_/models/unisign_mt5-base.py',
    '../_base_/datasets/sentences_rgb.py',
    '../_base_/schedules/stage3.py',
    '../_base_/runtime.py',
]

data = dict(data_root='data/how2sign', lang='en')
train_dataloader = dict(dataset=data)
val_dataloader = dict(dataset=data)
test_dataloader = dict(dataset=data)
load_from = 'work_dirs/stage2_youtube-asl/checkpoints/epoch_5.pth'
default_hooks = dict(checkpoint=dict(save_best='dev/bleu4'))

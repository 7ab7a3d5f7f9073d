# Stage 3: RGB-pose fine-tuning on MS-ASL1000, isolated recognition: 20 epochs, 8 clips x 4 GPUs = 32.
_base_ = [
    '../_base_/models/unisign_mt5-base.py',
    '../_base_/datasets/words_rgb.py',
    '../_base_/schedules/stage3.py',
    '../_base_/runtime.py',
]

data = dict(data_root='data/msasl', lang='en')
train_dataloader = dict(dataset=data)
val_dataloader = dict(dataset=data)
test_dataloader = dict(dataset=data)
model = dict(head=dict(vocabularies=dict(islr='data/msasl/labels.txt')))
load_from = 'work_dirs/stage2_youtube-asl/checkpoints/epoch_5.pth'
default_hooks = dict(checkpoint=dict(save_best='dev/top1_per_instance'))

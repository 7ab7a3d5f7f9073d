"""A data set, a model and a config small enough to train in a second, for tests of the engine."""

import itertools
from pathlib import Path

import numpy as np
import torch
from mmengine.model import BaseModel
from torch import nn

from unisign.registry import DATASETS, FUNCTIONS, MODELS
from unisign.structures import SignDataSample

NUMBERS = itertools.count()
CLASSES = ('eat', 'drink', 'sleep')


@DATASETS.register_module()
class VectorDataset(torch.utils.data.Dataset):
    """Noisy vectors of three classes; their noise comes from (seed, epoch, index), as in SignDataset."""

    def __init__(self, size=22, name='train', seed=0, failing=(), poisoned=(), max_failed_share=0.01):
        self.name, self.seed, self.failing, self.poisoned = name, seed, set(failing), set(poisoned)
        self.max_failed_share = max_failed_share
        self.lengths = np.arange(size) % 7 + 1

    def __len__(self):
        return len(self.lengths)

    def __getitem__(self, key):
        epoch, index = key
        noise = np.random.default_rng((self.seed, epoch, index)).normal(size=8)
        sample = SignDataSample()
        sample.set_metainfo(
            dict(clip_id=f'{self.name}-{index}', task='islr', lang='en', dataset=self.name, num_frames=8)
        )
        sample.gt_text = CLASSES[index % 3]
        if index in self.failing:
            sample.set_metainfo(dict(failure='cannot be opened'))
            return dict(inputs=None, data_samples=sample)
        vector = torch.tensor(noise + 2 * np.eye(8)[index % 3], dtype=torch.float32)
        if index in self.poisoned:
            vector[0] = float('nan')
        return dict(inputs=vector, data_samples=sample)


@FUNCTIONS.register_module()
def vector_collate(items):
    good = [item for item in items if item['inputs'] is not None]
    return dict(
        inputs=torch.stack([item['inputs'] for item in good]) if good else torch.zeros(0, 8),
        data_samples=[item['data_samples'] for item in good],
        failed_clips=[item['data_samples'] for item in items if item['inputs'] is None],
    )


@MODELS.register_module()
class VectorModel(BaseModel):
    """Linear, batch norm, dropout, linear: whatever a resumed run could get wrong."""

    def __init__(self, width=8, dropout=0.3, norm=True):
        super().__init__()
        norm = nn.BatchNorm1d(width) if norm else nn.Tanh()
        self.body = nn.Sequential(nn.Linear(8, width), norm, nn.Dropout(dropout), nn.Linear(width, 3))

    def forward(self, inputs, data_samples=None, failed_clips=(), mode='tensor'):
        if mode == 'loss' and len(inputs) == 0:
            return dict(loss=sum(weight.sum() for weight in self.parameters()) * 0)
        scores = self.body(inputs)
        if mode == 'loss':
            target = torch.tensor([CLASSES.index(sample.gt_text) for sample in data_samples])
            return dict(loss=nn.functional.cross_entropy(scores, target))
        if mode == 'predict':
            for sample, row in zip(data_samples, scores.softmax(-1), strict=True):
                best = row.argsort(descending=True)
                sample.nbest = [[CLASSES[i], float(row[i])] for i in best]
                sample.pred_text, sample.pred_score = sample.nbest[0]
            return data_samples + [self._unanswered(sample) for sample in failed_clips]
        return scores

    @staticmethod
    def _unanswered(sample):
        sample.pred_text, sample.pred_score, sample.nbest = '', 0.0, []
        return sample


def loader(name, batch_size=4, workers=0, size=22, **dataset):
    train = name == 'train'
    return dict(
        batch_size=batch_size,
        num_workers=workers,
        persistent_workers=workers > 0,
        sampler=dict(type='EpochSampler', shuffle=train),
        batch_sampler=dict(type='LengthBucketBatchSampler' if train else 'EvalBatchSampler'),
        collate_fn=dict(type='vector_collate'),
        dataset=dict(type='VectorDataset', name=name, size=size, **dataset),
    )


def write_config(folder: Path, **changes) -> Path:
    """Write a config that trains the stand-in model; ``changes`` replace top-level entries."""
    repo = Path(__file__).resolve().parents[2]
    content = dict(
        custom_imports=dict(imports=['stand_ins'], allow_failed_imports=False),
        model=dict(type='VectorModel'),
        train_dataloader=loader('train'),
        val_dataloader=loader('dev', size=10),
        test_dataloader=loader('test', size=11),
        val_evaluator=dict(type='ISLRMetric', prefix='dev'),
        test_evaluator=dict(type='ISLRMetric', prefix='test'),
        train_cfg=dict(max_epochs=3),
        optim_wrapper=dict(optimizer=dict(lr=0.05), accumulative_counts=2),
        default_hooks=dict(
            logger=dict(interval=2), checkpoint=dict(save_best='dev/top1_per_instance', interval_minutes=None)
        ),
        visualizer=dict(vis_backends=[dict(type='LocalVisBackend')]),
        work_dir=str(folder / 'work'),
    )
    content['experiment_name'] = f'stand_in_{next(NUMBERS)}'  # MMEngine's loggers are global, by name and second
    content.update(changes)
    bases = [str(repo / 'configs/_base_' / name) for name in ('runtime.py', 'schedules/stage3.py')]
    lines = [f'_base_ = {bases!r}'] + [f'{key} = {value!r}' for key, value in content.items()]
    path = folder / 'stand_in.py'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('\n'.join(lines) + '\n')
    return path


def train_stand_in(folder: Path, options=None, resume=None, hook=None, **changes):
    """Train the stand-in in this process; returns the runner. ``hook`` is registered last."""
    from unisign.engine import SignRunner, read_config

    cfg = read_config(write_config(folder, **changes), options)
    cfg.resume = True if resume == 'auto' else (resume or False)
    runner = SignRunner.from_cfg(cfg)
    if hook is not None:
        runner.register_hook(hook, priority='LOWEST')
    runner.train()
    return runner


def bits(tensors) -> bytes:
    """Return the weights of a model, or a state dict, to compare them to the bit."""
    state = tensors.state_dict() if isinstance(tensors, nn.Module) else tensors
    return b''.join(state[name].numpy().tobytes() for name in sorted(state))

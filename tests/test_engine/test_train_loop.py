import math
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from stand_ins import VectorDataset, VectorModel, loader, train_stand_in, vector_collate, write_config

from unisign.datasets.samplers import EpochSampler, LengthBucketBatchSampler
from unisign.engine import ConfigError, SignRunner, read_config
from unisign.structures import DataError


def plain_training(state, epochs, accumulation, size, lr):
    """The recipe of spec section 1 written out: what SignRunner must compute."""
    model = VectorModel(dropout=0.0, norm=False)
    model.load_state_dict(state)
    dataset = VectorDataset(size, seed=42)
    batches = LengthBucketBatchSampler(EpochSampler(dataset, seed=42), batch_size=4)
    decayed = [weight for weight in model.parameters() if weight.ndim >= 2]
    rest = [weight for weight in model.parameters() if weight.ndim < 2]
    optimizer = torch.optim.AdamW(
        [dict(params=decayed, weight_decay=1e-4), dict(params=rest, weight_decay=0.0)], betas=(0.9, 0.999), eps=1e-9
    )
    total = epochs * math.ceil(len(batches) / accumulation)
    step = 0
    for epoch in range(epochs):
        batches.set_epoch(epoch)
        plan = list(batches)
        for first in range(0, len(plan), accumulation):
            group = plan[first : first + accumulation]
            for part in optimizer.param_groups:
                part['lr'] = lr * 0.5 * (1 + math.cos(math.pi * step / total))
            optimizer.zero_grad()
            for keys in group:
                batch = vector_collate([dataset[key] for key in keys])
                (model(batch['inputs'], batch['data_samples'], mode='loss')['loss'] / len(group)).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            step += 1
    return model


class FirstWeights(Hook):
    def before_train(self, runner):
        self.state = {name: value.clone() for name, value in runner.model.state_dict().items()}


@pytest.mark.parametrize(('accumulation', 'size'), [(1, 16), (2, 18)])  # 18 clips: five batches, the last group is one
def test_training_is_the_published_recipe(tmp_path, accumulation, size):
    first = FirstWeights()
    runner = train_stand_in(
        tmp_path,
        hook=first,
        model=dict(type='VectorModel', dropout=0.0, norm=False),
        train_dataloader=loader('train', size=size),
        optim_wrapper=dict(optimizer=dict(lr=0.05), accumulative_counts=accumulation),
        train_cfg=dict(max_epochs=2, val_interval=5),
    )
    expected = plain_training(first.state, 2, accumulation, size, lr=0.05).state_dict()
    for name, value in runner.model.state_dict().items():
        assert torch.allclose(value, expected[name], rtol=0, atol=1e-7), name
    assert runner.train_loop.progress.step == 2 * math.ceil(math.ceil(size / 4) / accumulation)
    assert runner.optim_wrapper.get_lr()['lr'][0] == pytest.approx(0.0, abs=1e-9)


def test_a_loader_without_batches_is_named(tmp_path):
    with pytest.raises(ValueError, match='make no batch'):
        train_stand_in(tmp_path, train_dataloader=loader('train', size=0))


def test_another_training_loop_is_refused(tmp_path):
    with pytest.raises(ConfigError, match='expected SignTrainLoop or a subclass, got EpochBasedTrainLoop'):
        train_stand_in(tmp_path, train_cfg=dict(_delete_=True, type='EpochBasedTrainLoop', max_epochs=1))


def test_a_loss_that_is_not_finite_stops_the_run_and_names_the_clips(tmp_path):
    with pytest.raises(DataError, match=r'epoch 1, batch \d+: loss is not finite; clips of the batch: .*train-5[,.]'):
        train_stand_in(tmp_path, train_dataloader=loader('train', poisoned=(5,)))
    assert not (tmp_path / 'work/checkpoints').exists()


class PoisonGradient(Hook):
    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == 4:
            next(runner.model.parameters()).register_hook(lambda gradient: gradient * float('inf'))


def test_a_gradient_that_is_not_finite_stops_the_run_too(tmp_path):
    with pytest.raises(DataError, match='epoch 1, batch 6: the gradient is not finite; clips of the step: train-'):
        train_stand_in(tmp_path, hook=PoisonGradient())


def test_the_seed_reaches_the_training_data_only_where_none_is_given(tmp_path):
    path = write_config(tmp_path, train_dataloader=loader('train'), val_dataloader=loader('dev', seed=7))
    runner = SignRunner.from_cfg(read_config(path, {'randomness.seed': 3}))
    assert runner._train_dataloader['dataset']['seed'] == 3
    assert runner._val_dataloader['dataset']['seed'] == 7


def test_the_config_is_written_without_the_slow_formatter(tmp_path, monkeypatch):
    """yapf took minutes for one of the configs with two datasets."""
    cfg = read_config(write_config(tmp_path))
    monkeypatch.setattr('yapf.yapflib.yapf_api.FormatCode', None)  # calling it would fail
    runner = SignRunner.from_cfg(cfg)
    (written,) = Path(runner.log_dir).glob('*.py')
    assert Config.fromfile(written).to_dict() == runner.cfg.to_dict()
    assert '_format_python_code' not in runner.cfg.to_dict()


def test_from_cfg_leaves_the_config_alone(tmp_path):
    cfg = read_config(write_config(tmp_path))
    before = Config(cfg.to_dict()).pretty_text
    SignRunner.from_cfg(cfg)
    assert Config(cfg.to_dict()).pretty_text == before

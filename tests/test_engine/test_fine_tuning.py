"""LoRA, frozen parts, averaged weights, early stopping and layer-wise rates together, through the Runner."""

import hashlib
import itertools
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'test_tools'))
from test_train_distributed import in_two_processes

from unisign.checkpoints import load_state_dict_file
from unisign.datasets import Annotation, write_annotations
from unisign.engine import SignRunner, check_config, read_config
from unisign.engine.checkpoint_io import read_checkpoint
from unisign.engine.launch import prepare_config, run_test
from unisign.engine.merge_adapters import merge_checkpoint
from unisign.stores import PackedPoseWriter
from unisign.structures import DataError, Poses

NUMBERS = itertools.count()
FROZEN = {'model.frozen': ['pose_encoder.spatial_networks']}
EMA = dict(type='EMAHook', momentum=0.1)
STOPPING = dict(type='EarlyStoppingHook', monitor='dev/bleu4', patience=9)
DECAY = {'optim_wrapper.paramwise_cfg': dict(layer_decay=0.8)}
LORA = {'model.head.lora': dict(r=2, alpha=4, dropout=0.1)}


needs_peft = pytest.mark.skipif(not find_spec('peft'), reason='peft is not installed: pip install unisign[lora]')


@pytest.fixture(scope='module')
def make_config(repo, tiny_language_model, tmp_path_factory):
    """A function that writes a config which trains a very small model on eight clips, for two epochs of two steps."""
    folder = tmp_path_factory.mktemp('data')
    rng = np.random.default_rng(0)
    clips = []
    with PackedPoseWriter(folder / 'poses.lmdb') as writer:
        for i in range(8):
            writer.write(f'c{i}', Poses(rng.random((6, 133, 2), np.float32), rng.random((6, 133), np.float32)))
            clips.append(
                Annotation(f'c{i}', poses=f'poses.lmdb#c{i}', text=('hello you', 'good night')[i % 2], lang='en')
            )
    write_annotations(folder / 'all.jsonl', clips)
    bases = ['models/unisign_toy_pose.py', 'datasets/sentences.py', 'schedules/stage3.py', 'runtime.py']
    loader = dict(
        batch_size=4, num_workers=0, persistent_workers=False, dataset=dict(ann_file=str(folder / 'all.jsonl'))
    )
    content = dict(
        _base_=[str(repo / 'configs/_base_' / name) for name in bases],
        model=dict(
            pose_encoder=dict(embed_channels=4, spatial_channels=(4,), temporal_channels=(4, 4), out_channels=24),
            head=dict(language_model=str(tiny_language_model), generation=dict(num_beams=1, max_new_tokens=4)),
        ),
        **{f'{split}_dataloader': loader for split in ('train', 'val', 'test')},
        train_cfg=dict(max_epochs=2),
        default_hooks=dict(checkpoint=dict(save_best='dev/bleu4', interval_minutes=None, max_keep_ckpts=9)),
        visualizer=dict(vis_backends=[dict(type='LocalVisBackend')]),
    )

    def make(work_dir, options, hooks=()):
        lines = [f'{key} = {value!r}' for key, value in content.items()]
        lines += [f'work_dir = {str(work_dir)!r}', f'experiment_name = "fine_tuning_{next(NUMBERS)}"']
        path = tmp_path_factory.mktemp('config') / 'config.py'
        path.write_text('\n'.join([*lines, f'custom_hooks = {list(hooks)!r}']) + '\n')
        return path, options

    return make


def train(make_config, work_dir, options, hooks=(), resume=False):
    path, options = make_config(work_dir, options, hooks)
    cfg = read_config(path, options)
    cfg.resume = resume
    runner = SignRunner.from_cfg(cfg)
    runner.train()
    return runner


@pytest.fixture(scope='module')
def plain(make_config, tmp_path_factory):
    """The checkpoint of a run without any of the helps."""
    work_dir = tmp_path_factory.mktemp('plain')
    train(make_config, work_dir, {})
    return work_dir / 'checkpoints/epoch_2.pth'


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(
    ('options', 'hooks'),
    [
        pytest.param(LORA, [], marks=needs_peft),
        pytest.param(LORA | DECAY | {'model.frozen': ['pose_encoder']}, [EMA, STOPPING], marks=needs_peft),
        (FROZEN | DECAY, [EMA]),
    ],
    ids=['lora', 'all', 'frozen-ema-decay'],
)
def test_they_train_from_a_plain_checkpoint_and_resume_to_the_bit(make_config, plain, tmp_path, options, hooks):
    options = options | {'load_from': str(plain)}
    whole = train(make_config, tmp_path / 'whole', options, hooks)
    folder = tmp_path / 'whole/checkpoints'
    train(make_config, tmp_path / 'again', options, hooks, resume=str(folder / 'epoch_1.pth'))
    first, last, resumed = (
        read_checkpoint(path)
        for path in (folder / 'epoch_1.pth', folder / 'epoch_2.pth', tmp_path / 'again/checkpoints/epoch_2.pth')
    )
    assert same(last['state_dict'], resumed['state_dict'])
    assert same(last.get('ema_state_dict', {}), resumed.get('ema_state_dict', {}))
    # Only what should learn has changed, and the optimizer has a state for that alone.
    learning = {name for name, one in whole.model.named_parameters() if one.requires_grad}
    weights = {name for name, _ in whole.model.named_parameters()}
    changed = {name for name in weights if not torch.equal(first['state_dict'][name], last['state_dict'][name])}
    assert changed == learning < weights
    assert len(last['optimizer']['state']) == len(learning)
    start = load_state_dict_file(plain)
    for name in weights - learning:
        assert torch.equal(last['state_dict'][name], start[name.replace('.base_layer', '')]), name


@needs_peft
def test_adapters_are_merged_for_the_plain_config_and_answer_as_before(make_config, plain, tmp_path):
    options = LORA | {'load_from': str(plain), 'optim_wrapper.optimizer.lr': 0.05}
    train(make_config, tmp_path / 'lora', options)
    trained = tmp_path / 'lora/checkpoints/epoch_2.pth'
    merged = tmp_path / 'merged.pth'

    def config():
        return make_config(tmp_path, {})[0]  # a new one each time: MMEngine's loggers are global, by name and second

    def scores(checkpoint, options=None):
        return run_test(prepare_config(config(), str(tmp_path / 'test'), options), checkpoint)

    assert merge_checkpoint(config(), trained, merged, LORA) == 12
    assert load_state_dict_file(merged).keys() == load_state_dict_file(plain).keys()
    assert scores(trained, LORA) == scores(merged)
    with pytest.raises(DataError, match=r'epoch_2\.pth: holds LoRA adapters that the model lacks'):
        scores(trained)
    with pytest.raises(DataError, match=r'merged\.pth: .*missing: .*lora_A'):
        scores(merged, LORA)
    # and the merged weights start another run with adapters
    train(make_config, tmp_path / 'next', LORA | {'load_from': str(merged), 'train_cfg.max_epochs': 1})


@needs_peft
def test_what_cannot_be_merged_is_named(make_config, plain, tmp_path):
    config, _ = make_config(tmp_path, {})
    with pytest.raises(DataError, match=r'has no adapters \(model\.head\.lora\)'):
        merge_checkpoint(config, plain, tmp_path / 'out.pth')
    with pytest.raises(DataError, match=r'24 missing in the file: .*lora_A'):
        merge_checkpoint(config, plain, tmp_path / 'out.pth', LORA)
    with pytest.raises(DataError, match='is there already'):
        merge_checkpoint(config, plain, plain, LORA)
    with pytest.raises(DataError, match='expected a name that ends in'):
        merge_checkpoint(config, plain, tmp_path / 'out.ckpt', LORA)
    assert not list(tmp_path.glob('out.*'))


def test_a_run_is_resumed_with_the_same_rates_only(make_config, tmp_path):
    train(make_config, tmp_path, DECAY | {'train_cfg.max_epochs': 1})
    changed = {'optim_wrapper.paramwise_cfg': dict(layer_decay=0.9), 'train_cfg.max_epochs': 1}
    with pytest.raises(DataError, match=r"paramwise_cfg was \{'layer_decay': 0\.8\}, is \{'layer_decay': 0\.9\}"):
        train(make_config, tmp_path, changed, resume=True)


def end_of(path, options, resume):
    """Train as one of several processes; return the hash of the trained weights, and when training ended."""
    cfg = prepare_config(path, options=options, launcher='pytorch')
    cfg.resume = resume
    runner = SignRunner.from_cfg(cfg)
    model = runner.train()
    state = getattr(model, 'module', model).state_dict()
    weights = b''.join(value.numpy().tobytes() for value in state.values())
    return hashlib.sha256(weights).hexdigest(), runner.epoch


@pytest.mark.slow
@pytest.mark.parametrize('lora', [{}, pytest.param(LORA, marks=needs_peft)], ids=['frozen', 'lora'])
def test_two_processes_train_and_stop_alike_and_resume_to_the_bit(make_config, plain, tmp_path, lora):
    options = FROZEN | DECAY | lora | {'load_from': str(plain), 'train_cfg.max_epochs': 4}
    options |= {'train_dataloader.batch_size': 2}
    early = dict(STOPPING, patience=1, min_delta=200.0)  # no score is that much better: it ends after the second epoch
    path, _ = make_config(tmp_path, options, [EMA, early])
    check_config(prepare_config(path, options=options))  # imports what the forks need
    first, second = in_two_processes(end_of, path, options, False)
    assert first == second
    assert first[1] == 2
    folder = tmp_path / 'checkpoints'
    whole = read_checkpoint(folder / 'epoch_2.pth')
    again = in_two_processes(end_of, path, options, str(folder / 'epoch_1.pth'))
    assert again == (first, first)
    resumed = read_checkpoint(folder / 'epoch_2.pth')
    for name in ('state_dict', 'ema_state_dict'):
        assert same(whole[name], resumed[name])


@needs_peft
def test_the_config_in_the_documentation_is_one(repo, make_config, tmp_path):
    text = (repo / 'docs/fine_tuning.md').read_text(encoding='utf-8')
    code = text.partition('```python\n')[2].partition('```')[0]
    path = tmp_path / 'mine.py'
    path.write_text(code.replace('./configs', str(repo / 'configs')))
    documented = read_config(path)
    check_config(documented)
    options = {key: documented[key] for key in ('custom_hooks',)}
    options |= {'model.frozen': documented.model.frozen, 'model.head.lora': documented.model.head.lora}
    options |= {'optim_wrapper.paramwise_cfg': documented.optim_wrapper.paramwise_cfg, 'train_cfg.max_epochs': 1}
    assert train(make_config, tmp_path, options).epoch == 1

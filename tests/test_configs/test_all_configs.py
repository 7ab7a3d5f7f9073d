"""Every config loads, names only what exists, is what its file name says, and builds its model."""

import functools
import inspect
import re
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.runner import Runner

from unisign.datasets.concat_sign_dataset import single_configs
from unisign.engine import ConfigError, check_config
from unisign.registry import DATASETS, MODELS

ROOT = Path(__file__).resolve().parents[2] / 'configs'
# Every config that can be run: all but the parts in _base_.
CONFIGS = sorted(path for path in ROOT.rglob('*.py') if '_base_' not in path.relative_to(ROOT).parts)
NAME = re.compile(r'stage(?P<stage>[123])_(?P<data>[a-z0-9-]+?(_youtube-asl)?)(_(?P<task>slt|cslr))?(?P<pose>_pose)?')
# What stands for the quickstart's short names.
QUICKSTART = {'words': 'stage1_toy-words', 'stage1': 'stage1_toy', 'islr': 'stage3_toy-islr', 'slt': 'stage3_toy-slt'}
ISLR_DATA = {'wlasl', 'msasl', 'asl14'}
# The corpora that come without a test split: tools/test.py reports dev there.
NO_TEST_SPLIT = {'csl-news', 'youtube-asl', 'asl14'}
# What a config's datasets are called where it mixes them, in their order, by the corpora in its file name.
MIXED = {'csl-news_youtube-asl': ['csl-news', 'youtube-asl'], 'toy-mixed': ['toy-en', 'toy-zh']}
# What may stand behind the split's name in the name of an annotation file: docs/datasets.md has the command for it.
FILTERED = '_no-openasl'
# What a config may hold at its top besides the Runner's arguments: names that its own lines use.
HELPER_NAMES = {'data', 'data_root', 'labels', 'language_model', 'train_pipeline', 'test_pipeline'}
MIXING_NAMES = {
    'csl_news',
    'youtube_asl',
    'english',
    'chinese',
    'train_data',
    'dev_data',
    'train_dataset',
    'dev_dataset',
}
# What a config may hold that the Runner reads from it without naming it in its arguments.
READ_FROM_CONFIG = {'runner_type', 'sync_bn', 'auto_scale_lr'}


def ids(path):
    return str(path.relative_to(ROOT).with_suffix(''))


def datasets(config, split):
    """Return the dataset of a split, or those that are mixed."""
    return single_configs(config[f'{split}_dataloader'].dataset)


def test_the_sweep_sees_every_config():
    """Count by hand when a config is added: a sweep over nothing would pass."""
    folders = [path.parent.name for path in CONFIGS]
    assert {name: folders.count(name) for name in set(folders)} == {'unisign': 20, 'toy': 15, 'asl14': 1}


@pytest.mark.parametrize('path', CONFIGS, ids=ids)
def test_types_and_arguments_exist(path):
    config = Config.fromfile(path)
    check_config(config)
    # The Runner ignores a key that it does not know, such as a misspelt optim_wrapper.
    known = HELPER_NAMES | READ_FROM_CONFIG | (MIXING_NAMES if len(datasets(config, 'train')) > 1 else set())
    assert set(config) - set(inspect.signature(Runner.__init__).parameters) <= known


def test_problems_are_found_and_all_reported():
    config = Config.fromfile(CONFIGS[0])
    config.model.pose_encoder.type = 'PartGCNEncodr'
    config.model.head.label_smooting = 0.1
    with pytest.raises(ConfigError) as error:
        check_config(config)
    assert "type 'PartGCNEncodr' is registered nowhere" in str(error.value)
    assert "MT5GenerationHead takes no 'label_smooting'" in str(error.value)


@pytest.mark.parametrize('path', CONFIGS, ids=ids)
def test_file_name_is_true(path):
    config, stem, folder = Config.fromfile(path), path.stem, ''
    if stem.startswith('quickstart_'):
        stem, folder = QUICKSTART[stem.split('_')[1]] + stem.partition('_pose')[1], 'quickstart/'
    name = NAME.fullmatch(stem)
    assert name, f'{path.name} is not stage<N>_<dataset>[_<task>][_pose].py'
    data, task = name['data'], name['task']
    if data.startswith('toy-'):  # the toy corpus has its task where others have the corpus' own name
        data, task = data.split('-')
        task = {'words': 'islr', 'mixed': 'slt'}.get(task, task)
    task = task or ('islr' if data in ISLR_DATA else 'slt')
    roots = ['data/toy_small'] if folder else [f'data/{one}' for one in data.split('_')]
    for split in ('train', 'val', 'test'):
        assert list(dict.fromkeys(dataset.data_root for dataset in datasets(config, split))) == roots
        assert {dataset.task for dataset in datasets(config, split)} == {task}
    pose_only = bool(name['pose']) or name['stage'] == '1'  # the first stage has no pictures under either name
    assert (config.model.get('rgb_encoder') is None, config.model.get('fusion') is None) == (pose_only, pose_only)
    for split in ('train', 'val', 'test'):
        for dataset in datasets(config, split):
            steps = [step['type'] for step in dataset.pipeline]
            assert ('LoadHandCrops' not in steps, 'SampleHandFrames' not in steps) == (pose_only, pose_only)
    before = {'1': None, '2': 'stage1', '3': 'stage1' if name['pose'] else 'stage2'}[name['stage']]
    if name['data'] in ('toy', 'toy-mixed') and name['stage'] == '1':  # its language model reads single signs first
        before = 'words' if folder else 'stage1_toy-words'
    if before is None or data == 'asl14':
        assert config.get('load_from') is None
    else:
        assert config.load_from.startswith(f'work_dirs/{folder}{before}')
    most_frames = 40 if data == 'toy' else 64 if task == 'islr' else 256
    for dataset in datasets(config, 'train'):
        sampled = [step for step in dataset.pipeline if step['type'] == 'SampleFrames']
        assert [step.max_frames for step in sampled] == [most_frames]


@pytest.mark.parametrize('path', CONFIGS, ids=ids)
def test_the_checkpoint_to_start_from_is_one_that_its_stage_writes(path):
    load_from = Config.fromfile(path).get('load_from')
    if load_from is None:
        return
    *_, run, _, checkpoint = Path(load_from).parts
    pattern = f'quickstart_{run}_pose.py' if 'quickstart' in load_from else f'{run}.py'
    earlier = Config.fromfile(path.with_name(pattern))
    assert checkpoint == f'epoch_{earlier.train_cfg.max_epochs}.pth'


@pytest.mark.parametrize('path', CONFIGS, ids=ids)
def test_splits_are_named_and_the_best_checkpoint_is_chosen_on_dev(path):
    config = Config.fromfile(path)
    first = datasets(config, 'train')[0]
    before_stage_3 = 'pretrain' in first.ann_file or 'dictionary' in first.ann_file
    test_split = 'dev' if first.data_root.removeprefix('data/') in NO_TEST_SPLIT or before_stage_3 else 'test'
    for split, expected in {'train': 'train', 'val': 'dev', 'test': test_split}.items():
        named = [re.split(r'[/_.]', one.ann_file.replace(FILTERED, ''))[-2] for one in datasets(config, split)]
        assert set(named) == {expected}
        mixed = next((names for corpora, names in MIXED.items() if f'_{corpora}' in path.stem), None)
        assert [one.name for one in datasets(config, split)] == (mixed or [expected])
        assert all(one.get('test_mode', False) == (split != 'train') for one in datasets(config, split))
    assert (config.val_evaluator.prefix, config.test_evaluator.prefix) == ('dev', test_split)
    assert config.default_hooks.checkpoint.get('save_best', 'dev/').startswith('dev/')


@pytest.mark.parametrize('path', [path for path in CONFIGS if path.parent.name == 'unisign'], ids=ids)
def test_published_recipe(path):
    """spec.md section 1, the table and the lines below it."""
    config = Config.fromfile(path)
    stage = path.stem[5]
    epochs, batch, accumulation = {'1': (20, 16, 8), '2': (5, 4, 8), '3': (20, 8, 1)}[stage]
    assert config.train_cfg.max_epochs == epochs
    assert config.train_dataloader.batch_size == batch
    assert config.optim_wrapper.get('accumulative_counts', 1) == accumulation
    optimizer = dict(config.optim_wrapper.optimizer)
    assert optimizer | {'betas': tuple(optimizer['betas'])} == {
        'type': 'AdamW', 'lr': 3e-4, 'betas': (0.9, 0.999), 'eps': 1e-9, 'weight_decay': 1e-4,
    }  # fmt: skip
    assert config.optim_wrapper.clip_grad.max_norm == 1.0
    assert (config.optim_wrapper.type, config.optim_wrapper.dtype) == ('AmpOptimWrapper', 'bfloat16')
    assert config.sync_bn == 'torch'
    assert config.randomness.seed == 42
    head = config.model.head
    assert (head.language_model, head.label_smoothing, head.max_target_tokens) == ('google/mt5-base', 0.2, 50)
    assert head.generation == {'num_beams': 4, 'max_new_tokens': 100}


@pytest.fixture(scope='session')
def small_language_model(tmp_path_factory):
    """Make language models of the width asked for and next to nothing else, so that each config's encoder fits."""
    from unisign.models.language_models import make_language_model

    @functools.cache
    def make(width):
        folder = tmp_path_factory.mktemp(f'language_model_{width}')
        sizes = dict(vocab_size=300, d_model=width, d_ff=32, d_kv=32, num_layers=1, num_heads=2)
        return str(make_language_model(['my friend reads a book', '我 喜欢 面条'], folder, **sizes))

    return make


@pytest.mark.parametrize('path', CONFIGS, ids=ids)
def test_model_builds(path, small_language_model):
    config = Config.fromfile(path)
    width = config.model.pose_encoder.out_channels
    config.merge_from_dict({
        'model.head.language_model': small_language_model(width),
        'model.head.pretrained': False,
    })  # fmt: skip
    if 'vocabularies' in config.model.head:
        config.model.head.vocabularies = {task: ['book', 'friend'] for task in config.model.head.vocabularies}
    model = MODELS.build(config.model)
    # spec.md section 1: the parameters of the pose encoder with its projection, and of EfficientNet-B0
    published = path.parent.name == 'unisign'
    sizes = {name: sum(weights.numel() for weights in part.parameters()) for name, part in model.named_children()}
    assert sizes['pose_encoder'] == pytest.approx(5.35e6, abs=5e3) if published else 0 < sizes['pose_encoder'] < 1e6
    if model.rgb_encoder is not None:
        backbone = sum(weights.numel() for weights in model.rgb_encoder.backbone.parameters())
        assert backbone == pytest.approx(4.008e6, abs=5e2) if published else 0 < backbone < 1e5


@pytest.mark.parametrize('path', [path for path in CONFIGS if path.parent.name == 'toy'], ids=ids)
def test_toy_datasets_read(path, request):
    config = Config.fromfile(path)
    has_rgb = config.model.get('rgb_encoder') is not None
    corpus = request.getfixturevalue('toy_tiny_videos' if has_rgb else 'toy_tiny')
    for split in ('train', 'val', 'test'):
        for part in datasets(config, split):
            part.data_root = str(corpus)
        dataset = DATASETS.build(config[f'{split}_dataloader'].dataset)
        for index in (0, len(dataset) - 1):
            sample = dataset[index]
            assert sample['inputs'] is not None, sample['data_samples'].get('failure')
            assert set(sample['inputs']['parts']) == {'body', 'left', 'right', 'face_all'}
            assert ('hands' in sample['inputs']) == has_rgb
            assert sample['data_samples'].task == datasets(config, split)[0].task


def test_youtube_asl_is_trained_on_without_the_videos_of_openasl():
    """The filter's command in docs/datasets.md writes the list that every stage on YouTube-ASL names."""
    out = 'data/youtube-asl/annotations/train_no-openasl.jsonl'
    assert f'--out {out}' in (ROOT.parent / 'docs/datasets.md').read_text(encoding='utf-8')
    configs = [path for path in CONFIGS if 'youtube-asl' in path.stem]
    assert len(configs) == 5
    for path in configs:
        lists = [f'{one.data_root}/{one.ann_file}' for one in datasets(Config.fromfile(path), 'train')]
        assert lists[-1] == out

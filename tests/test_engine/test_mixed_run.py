"""A run over several datasets: scores, failed clips and resuming."""

import json
from types import SimpleNamespace

import pytest
from mmengine.config import Config
from stand_ins import bits, train_stand_in
from test_resume import EVERY_STEP, CutAt, CutOffError, checkpoint

from unisign.apis.clip_pipeline import ClipPipeline
from unisign.engine.model_card import task_and_data
from unisign.engine.seeding import set_seeds
from unisign.structures import DataError


def mixed(*parts, batch_sampler='LengthBucketBatchSampler', **sampler):
    """Return the loader of datasets given as ``(name, size, arguments)``."""
    datasets = [dict(type='VectorDataset', name=name, size=size, **arguments) for name, size, arguments in parts]
    return dict(
        batch_size=4,
        num_workers=0,
        persistent_workers=False,
        sampler=sampler,
        batch_sampler=dict(type=batch_sampler),
        collate_fn=dict(type='vector_collate'),
        dataset=dict(type='ConcatSignDataset', datasets=datasets),
    )


def train_mixed(folder, options=None, weights=(1, 1), failing=(), share=0.1, **more):
    train = mixed(
        ('large', 30, {}),
        ('small', 10, dict(failing=failing, max_failed_share=share)),
        type='MixtureSampler',
        weights=list(weights),
        epoch_size=22,
    )
    parts = ('large', 6, {}), ('small', 5, {})
    dev = mixed(*parts, batch_sampler='EvalBatchSampler', type='EpochSampler', shuffle=False)
    return train_stand_in(folder, options, train_dataloader=train, val_dataloader=dev, **more)


@pytest.fixture(scope='module')
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp('mixed')
    return folder, train_mixed(folder)


def test_scores_of_every_validation_tell_the_datasets_apart(undisturbed):
    folder, runner = undisturbed
    lines = (folder / 'work/checkpoints/dev_scores.jsonl').read_text().splitlines()
    metrics = [json.loads(line)['metrics'] for line in lines]
    assert len(metrics) == 3
    for scores in metrics:
        whole, large, small = (scores[f'dev/{name}top1_per_instance'] for name in ('', 'large/', 'small/'))
        assert whole == pytest.approx((6 * large + 5 * small) / 11)
    assert runner.train_loop.max_iters == 18  # 22 clips an epoch in batches of 4


@pytest.mark.parametrize('iteration', [2, 7])  # 6 batches an epoch, 2 of them make a step
def test_a_mixed_run_that_was_cut_off_ends_like_one_that_was_not(tmp_path, undisturbed, iteration):
    with pytest.raises(CutOffError):
        train_mixed(tmp_path, EVERY_STEP, hook=CutAt(iteration))
    train_mixed(tmp_path, EVERY_STEP, resume='auto')
    got, expected = checkpoint(tmp_path, 'epoch_3.pth'), checkpoint(undisturbed[0], 'epoch_3.pth')
    assert bits(got['state_dict']) == bits(expected['state_dict'])


def test_another_mixture_cannot_be_resumed(tmp_path, undisturbed):
    path = str(undisturbed[0] / 'work/checkpoints/epoch_2.pth')
    with pytest.raises(DataError, match=r'mixture was .*large: 11 of 30.*, is .*large: 7 of 30.*small: 15 of 10'):
        train_mixed(tmp_path, weights=(1, 2), resume=path)


def test_failed_clips_are_counted_for_each_dataset(tmp_path):
    train_mixed(tmp_path / 'one', failing=(3,))  # one of ten; of all clips it would be 1 in 40
    with pytest.raises(DataError, match=r"train_dataloader, dataset 'small': 2 of 10 clips .* \(first: small-"):
        train_mixed(tmp_path / 'two', failing=(3, 7))
    lines = (tmp_path / 'two/work/failed_clips_rank0.jsonl').read_text().splitlines()
    assert sorted((line['dataset'], line['id']) for line in map(json.loads, lines)) == [
        ('small', 'small-3'),
        ('small', 'small-7'),
    ]


def test_every_dataset_gets_the_seed_of_the_run():
    cfg = dict(train_dataloader=mixed(('a', 4, {}), ('b', 4, dict(seed=5))), randomness=dict(seed=7))
    set_seeds(cfg)
    assert [one['seed'] for one in cfg['train_dataloader']['dataset']['datasets']] == [7, 5]


def mixed_config(*parts):
    """Return a config whose test data are mixed: ``(data root, language)`` of each."""
    pipeline = [dict(type='LoadPoses'), dict(type='NormalizeParts'), dict(type='PackSignInputs')]
    common = dict(type='SignDataset', task='slt', pipeline=pipeline)
    datasets = [dict(common, data_root=f'data/{root}', name=root, lang=lang) for root, lang in parts]
    return Config(dict(test_dataloader=dict(dataset=dict(type='ConcatSignDataset', datasets=datasets))))


def test_a_model_card_names_all_corpora():
    cfg = mixed_config(('csl-news', 'zh'), ('youtube-asl', 'en'))
    assert task_and_data(cfg, 'mixed') == ('slt', 'csl-news, youtube-asl')
    cfg.test_dataloader.dataset.datasets[1].task = 'islr'
    with pytest.raises(DataError, match='the config tells the task None'):
        task_and_data(cfg, 'mixed')


def test_clips_of_ones_own_go_through_the_pipeline_and_name_their_language_where_it_is_not_clear():
    model = SimpleNamespace(cfg=mixed_config(('csl-news', 'zh'), ('youtube-asl', 'en')))
    assert ClipPipeline(model, lang='en').task == 'slt'
    with pytest.raises(DataError, match='lang is not given, and the config sets none'):
        ClipPipeline(model)
    model.cfg = mixed_config(('csl-news', 'zh'), ('csl-daily', 'zh'))
    assert ClipPipeline(model).lang == 'zh'

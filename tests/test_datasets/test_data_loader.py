import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from unisign.datasets import AnnotationFile, write_annotations


@pytest.fixture
def build(corpus, pipeline):
    """Build a loader the way MMEngine's Runner does, from a config alone."""

    def build_loader(workers, batch_sampler='LengthBucketBatchSampler', **dataset):
        config = {
            'batch_size': 4,
            'num_workers': workers,
            'persistent_workers': workers > 0,
            'sampler': {'type': 'EpochSampler', 'shuffle': True},
            'batch_sampler': {'type': batch_sampler},
            'collate_fn': {'type': 'sign_collate'},
            'dataset': {'type': 'SignDataset', 'ann_file': str(corpus), 'task': 'slt', 'pipeline': pipeline, **dataset},
        }
        with DefaultScope.overwrite_default_scope('unisign'):
            return Runner.build_dataloader(config, seed=7)

    return build_loader


def same(first, second):
    assert first['inputs']['parts'].keys() == second['inputs']['parts'].keys()
    for name, part in first['inputs']['parts'].items():
        assert torch.equal(part, second['inputs']['parts'][name])
    assert torch.equal(first['inputs']['mask'], second['inputs']['mask'])
    for key in ('data_samples', 'failed_clips'):
        assert [sample.clip_id for sample in first[key]] == [sample.clip_id for sample in second[key]]
    return True


def test_workers_change_nothing_and_an_epoch_can_be_resumed(build):
    alone, helped = build(0), build(2)
    epochs = {}
    for epoch in (0, 1):
        for loader in (alone, helped):
            loader.batch_sampler.sampler.set_epoch(epoch)
        epochs[epoch] = list(alone)
        assert len(epochs[epoch]) == len(alone) == 6
        assert all(same(*pair) for pair in zip(epochs[epoch], helped, strict=True))
    assert [sample.clip_id for sample in epochs[0][0]['data_samples']] != [
        sample.clip_id for sample in epochs[1][0]['data_samples']
    ]
    helped.batch_sampler.start_batch = 4  # persistent workers, second iteration
    rest = list(helped)
    assert len(rest) == 2
    assert all(same(*pair) for pair in zip(rest, epochs[1][4:], strict=True))
    resumed = build(2)
    resumed.batch_sampler.sampler.set_epoch(1)
    resumed.batch_sampler.start_batch = 3  # new workers, first iteration
    rest = list(resumed)
    assert len(rest) == 3
    assert all(same(*pair) for pair in zip(rest, epochs[1][3:], strict=True))


def test_augmented_clips_do_not_depend_on_the_worker(build, pipeline):
    long = build(0).dataset.lengths > 12
    assert long.any()
    first, second = (
        {
            sample.clip_id: batch['inputs']['parts']['left'][i]
            for batch in build(workers, 'EvalBatchSampler')
            for i, sample in enumerate(batch['data_samples'])
        }
        for workers in (0, 2)
    )
    assert len(first) == 23
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_failed_clips_travel_with_the_batch(build, corpus):
    lines = corpus.read_text().splitlines()
    for i in (0, 9):
        lines[i] = lines[i].replace('poses.lmdb#', 'poses.lmdb#gone_')
    corpus.write_text('\n'.join(lines))
    batches = list(build(2))
    failed = [sample for batch in batches for sample in batch['failed_clips']]
    assert sorted(sample.clip_id for sample in failed) == ['clip_00', 'clip_09']
    assert all('no clip of this key' in sample.failure for sample in failed)
    read = [sample.clip_id for batch in batches for sample in batch['data_samples']]
    assert len(read) == len(set(read)) == 21


def test_a_bug_in_a_worker_stops_the_run(build, corpus, pipeline):
    pipeline.insert(1, {'type': 'SampleFrames', 'sampler': {'type': 'EvenFrameSampler'}, 'max_frames': 0})
    with pytest.raises(ValueError, match='max_frames should be at least 1'):
        list(build(1))


def test_lengths_are_what_is_stored(build, corpus):
    file = AnnotationFile(corpus)
    write_annotations(corpus, [file[i] for i in reversed(range(len(file)))])
    lengths = build(0).dataset.lengths
    assert sorted(lengths.tolist()) == list(range(3, 26))
    np.testing.assert_array_equal(lengths[::-1], np.random.default_rng(0).permutation(np.arange(3, 26)))

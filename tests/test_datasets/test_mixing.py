"""Several datasets in one: what is drawn from each, in which order, and which dataset a clip belongs to."""

import itertools

import numpy as np
import pytest
from torch.utils.data import ConcatDataset, DataLoader

from unisign.datasets import Annotation, ConcatSignDataset, SignDataset, write_annotations
from unisign.datasets.concat_sign_dataset import single_configs, single_datasets
from unisign.datasets.samplers import EpochSampler, LengthBucketBatchSampler, MixtureSampler
from unisign.datasets.samplers.mixture_sampler import mixture_shares, share_out
from unisign.registry import DATASETS
from unisign.structures import DataError


class Clips:
    """Stands for a ConcatSignDataset of clips of one length each."""

    def __init__(self, **sizes):
        self.sizes = sizes
        self.lengths = np.random.default_rng(0).integers(5, 300, sum(sizes.values()))

    def __len__(self):
        return len(self.lengths)


def sampler(sizes, seed=0, rank=0, world_size=1, **mixture):
    made = MixtureSampler(Clips(**sizes), seed=seed, **mixture)
    made.rank, made.world_size = rank, world_size
    return made


def order(made, epoch):
    made.set_epoch(epoch)
    return made.epoch_order().tolist()


SIZES = dict(zh=900, en=100)


@pytest.mark.parametrize(
    ('mixture', 'counts'),
    [
        (dict(), [900, 100]),
        (dict(temperature=1), [900, 100]),
        (dict(temperature=2), [750, 250]),  # roots 30 and 10: 3/4 and 1/4
        (dict(temperature=2, epoch_size=10), [8, 2]),  # 7.5 and 2.5: the first of two equal remainders
        (dict(temperature=1e9), [500, 500]),
        (dict(weights=[1, 3]), [250, 750]),
        (dict(weights=(2, 1), epoch_size=100), [67, 33]),
        (dict(weights=[1.0, 1.0], epoch_size=7), [4, 3]),
    ],
)
def test_how_many_clips_each_dataset_gives(mixture, counts):
    made = sampler(SIZES, **mixture)
    assert list(made.counts.values()) == counts
    drawn = np.array(order(made, 0))
    assert [(drawn < 900).sum(), (drawn >= 900).sum()] == counts
    assert made.clips_per_epoch == len(drawn) == sum(counts)


def test_shares_and_their_rounding_by_hand():
    # cube roots of 8, 27 and 64: 2, 3 and 4 of 9
    assert mixture_shares(dict(a=8, b=27, c=64), temperature=3) == pytest.approx([2 / 9, 3 / 9, 4 / 9])
    assert mixture_shares(dict(a=10**6, b=1), temperature=0.01) == pytest.approx([1, 0])
    assert share_out(10, [2 / 9, 3 / 9, 4 / 9]) == [2, 3, 5]  # 2.22, 3.33, 4.44: one left for the largest remainder
    assert share_out(3, [1 / 3, 1 / 3, 1 / 3]) == [1, 1, 1]


def test_nothing_is_drawn_twice_before_all_was_drawn_over_the_epochs():
    made = sampler(dict(large=10, small=3), weights=[1, 1], epoch_size=8)  # 4 of each an epoch
    drawn = [order(made, epoch) for epoch in range(5)]
    large = [[index for index in one if index < 10] for one in drawn]
    small = [[index for index in one if index >= 10] for one in drawn]
    assert sorted(large[0] + large[1]) != sorted(large[0])  # two epochs, 8 clips, all different
    assert len(set(large[0] + large[1])) == 8
    # The third epoch first uses up the two that are left.
    left = set(range(10)) - set(large[0] + large[1])
    assert left < set(large[2])
    # Over five epochs each of the ten was drawn exactly twice: 20 draws.
    assert np.bincount(np.concatenate(large)).tolist() == [2] * 10
    # The small one is used up within an epoch: its 3 clips and one of them again; after three epochs 12 draws of 3.
    assert all(set(one) == {10, 11, 12} for one in small)
    assert np.bincount(np.concatenate(small[:3]))[10:].tolist() == [4] * 3


def test_an_epoch_depends_on_seed_and_epoch_alone():
    first, again, other = sampler(SIZES, weights=[1, 3]), sampler(SIZES, weights=[1, 3]), sampler(SIZES, 1)
    assert order(first, 4) == order(again, 4)  # no need to have been through the epochs before
    assert order(first, 4) != order(first, 5)
    assert order(sampler(SIZES), 4) != order(other, 4)
    drawn = order(first, 0)
    assert any(index < 900 for index in drawn[:20]) and any(index >= 900 for index in drawn[:20])  # mixed, not in a row


def batches(rank=0, world_size=1, batch_size=4, epoch=0, **mixture):
    made = LengthBucketBatchSampler(sampler(dict(a=40, b=11), rank=rank, world_size=world_size, **mixture), batch_size)
    made.set_epoch(epoch)
    return made


def indices(some):
    return [index for batch in some for _, index in batch]


@pytest.mark.parametrize('epoch_size', [None, 40, 37])
def test_two_ranks_share_an_epoch_and_have_as_many_batches(epoch_size):
    mixture = dict(temperature=2, epoch_size=epoch_size)
    ranks = [batches(rank, 2, **mixture) for rank in range(2)]
    both = [list(one) for one in ranks]
    assert len(both[0]) == len(both[1]) == len(ranks[0])
    expected = sorted(order(sampler(dict(a=40, b=11), **mixture), 0))
    used = sorted(indices(itertools.chain(*both)))
    size = epoch_size or 51
    if size % 2:  # the last step does not share out evenly: one clip is used twice
        assert len(used) == size + 1
        for index in expected:
            used.remove(index)
        assert set(used) <= set(expected)
    else:
        assert used == expected
    for step in zip(*both, strict=True):
        assert len({len(batch) for batch in step}) == 1


def test_going_on_in_the_middle_of_an_epoch():
    whole = list(batches(epoch=2, weights=[1, 2]))
    rest = batches(epoch=2, weights=[1, 2])
    rest.start_batch = 5
    assert list(rest) == whole[5:]
    assert {epoch for batch in whole for epoch, _ in batch} == {2}


@pytest.mark.parametrize(
    ('mixture', 'message'),
    [
        (dict(weights=[1]), r'weights should be 2 positive numbers, one for each of zh, en; got \[1\]'),
        (dict(weights=[1, 0]), r'positive numbers.* got \[1, 0\].*Leave'),
        (dict(weights=[1, 1], temperature=2), 'weights and a temperature'),
        (dict(temperature=0), 'temperature should be positive, got 0'),
        (dict(epoch_size=4), 'epoch of 4 clips has none of en'),
        (dict(shuffle=False), 'shuffle=False'),
    ],
)
def test_a_wrong_mixture_is_refused(mixture, message):
    with pytest.raises(DataError, match=message):
        sampler(SIZES, **mixture)


def test_one_dataset_cannot_be_mixed():
    with pytest.raises(DataError, match='list has no parts to mix'):
        MixtureSampler([1, 2], seed=0)


@pytest.fixture
def parts(corpus, pipeline, tmp_path):
    """Configs of two datasets: the 23 clips of the corpus, and three Chinese ones whose ids are the same."""
    clips = [
        Annotation(f'clip_{i:02d}', poses=f'poses.lmdb#clip_{i:02d}', text='我 喜欢', gloss=('A',), lang='zh', end=4)
        for i in range(3)
    ]
    write_annotations(tmp_path / 'zh.jsonl', clips)
    common = dict(type='SignDataset', pipeline=pipeline)
    return [
        dict(ann_file=str(corpus), task='slt', name='english', **common),
        dict(ann_file=str(tmp_path / 'zh.jsonl'), task='cslr', name='chinese', max_failed_share=0.5, **common),
    ]


def test_a_clip_keeps_its_dataset_and_its_randomness(parts):
    mixed = DATASETS.build(dict(type='ConcatSignDataset', datasets=parts))
    alone = [SignDataset(**{key: value for key, value in part.items() if key != 'type'}) for part in parts]
    assert len(mixed) == 26
    assert mixed.sizes == dict(english=23, chinese=3)
    assert mixed.lengths.tolist() == [*alone[0].lengths, 4, 4, 4]
    assert [mixed.locate(i)[1] for i in (0, 22, 23, 25)] == [0, 22, 0, 2]
    for index, dataset, own in ((5, alone[0], 5), (24, alone[1], 1)):
        got, expected = mixed[3, index], dataset[3, own]
        sample = got['data_samples']
        assert (sample.dataset, sample.task, sample.lang) == (dataset.name, dataset.task, ('en', 'zh')[index > 22])
        assert (got['inputs']['parts']['body'] == expected['inputs']['parts']['body']).all()
    assert mixed[24]['data_samples'].gt_text == 'A'
    for index in (-1, 26):
        with pytest.raises(IndexError):
            mixed[index]


def test_it_loads_with_workers_in_both_kinds_of_batches(parts):
    mixed = ConcatSignDataset(parts)
    made = LengthBucketBatchSampler(MixtureSampler(mixed, weights=[1, 1], epoch_size=12, seed=0), batch_size=4)
    loader = DataLoader(mixed, batch_sampler=made, num_workers=1, collate_fn=list)
    names = [item['data_samples'].dataset for batch in loader for item in batch]
    assert (names.count('english'), names.count('chinese')) == (6, 6)
    assert len(indices(LengthBucketBatchSampler(EpochSampler(mixed, seed=0), 4))) == 26


def test_names_must_differ_and_there_must_be_a_dataset(parts):
    parts[1]['name'] = 'english'
    with pytest.raises(DataError, match=r"2 of its datasets are called 'english'.*name of its own"):
        ConcatSignDataset(parts)
    with pytest.raises(DataError, match='no datasets'):
        ConcatSignDataset([])


def test_datasets_are_found_inside_each_other(parts):
    inner = ConcatSignDataset(parts[:1])
    mixed = ConcatSignDataset([inner, parts[1]])
    assert [one.name for one in mixed.datasets] == ['english', 'chinese']
    assert [one.name for one in single_datasets(ConcatDataset([mixed]))] == ['english', 'chinese']
    nested = dict(type='Repeat', dataset=dict(type='ConcatSignDataset', datasets=parts))
    assert single_configs(nested) == parts
    assert single_configs(parts[0]) == [parts[0]]


def test_a_dataset_may_be_the_clips_of_one_language(tmp_path, pipeline):
    clips = [Annotation(f'c{i}', poses='x.npz', text='t', lang=lang) for i, lang in enumerate(['en', 'zh', None, 'zh'])]
    write_annotations(tmp_path / 'both.jsonl', clips)

    def ids(languages, lang='en'):
        dataset = SignDataset(str(tmp_path / 'both.jsonl'), 'slt', pipeline, lang=lang, languages=languages)
        return [dataset.annotations[i].id for i in range(len(dataset))]

    assert ids(['zh']) == ['c1', 'c3']
    assert ids(('en',)) == ['c0', 'c2']  # the dataset's own language, where the line names none
    assert ids(('en',), lang=None) == ['c0']
    assert ids(None) == ['c0', 'c1', 'c2', 'c3']
    with pytest.raises(DataError, match=r'both\.jsonl: holds no clip in de, fr'):
        ids(['fr', 'de'])

import itertools

import numpy as np
import pytest

from unisign.registry import DATA_SAMPLERS


class Clips:
    def __init__(self, lengths):
        self.lengths = np.asarray(lengths)

    def __len__(self):
        return len(self.lengths)


def make(kind, lengths, batch_size=4, rank=0, world_size=1, shuffle=True, seed=0, **more):
    clips = lengths if isinstance(lengths, Clips) else Clips(lengths)
    sampler = DATA_SAMPLERS.build({'type': 'EpochSampler', 'dataset': clips, 'shuffle': shuffle, 'seed': seed})
    sampler.rank, sampler.world_size = rank, world_size
    return DATA_SAMPLERS.build({'type': kind, 'sampler': sampler, 'batch_size': batch_size, **more})


LENGTHS = np.random.default_rng(0).integers(5, 300, 203)
BUCKET, EVAL = 'LengthBucketBatchSampler', 'EvalBatchSampler'


def indices(batches):
    return [index for batch in batches for _, index in batch]


def test_one_process_sees_every_clip_once_an_epoch():
    batches = list(make(BUCKET, LENGTHS))
    assert sorted(indices(batches)) == list(range(203))
    assert len(batches) == len(make(BUCKET, LENGTHS)) == 51
    assert sorted(len(batch) for batch in batches) == [3] + [4] * 50


def test_the_plan_depends_on_seed_and_epoch_alone():
    first, again, other_seed = (make(BUCKET, LENGTHS, seed=seed) for seed in (0, 0, 1))
    epochs = []
    for epoch in (0, 1, 0):
        first.set_epoch(epoch)
        again.sampler.set_epoch(epoch)  # the way MMEngine's DistSamplerSeedHook does it
        epochs.append(list(first))
        assert epochs[-1] == list(again)
        assert all(pair[0] == epoch for batch in epochs[-1] for pair in batch)
    assert epochs[0] == epochs[2]
    assert indices(epochs[0]) != indices(epochs[1])
    assert epochs[0] != list(other_seed)


def padding_share(batches):
    frames = [[LENGTHS[index] for _, index in batch] for batch in batches]
    padded = sum(len(batch) * max(batch) for batch in frames)
    return 1 - sum(map(sum, frames)) / padded


def test_buckets_leave_little_padding_and_still_shuffle():
    bucketed, plain = make(BUCKET, LENGTHS, window=50), make(BUCKET, LENGTHS, window=1)
    assert padding_share(list(bucketed)) < 0.05
    assert padding_share(list(plain)) > 0.3
    longest = [max(LENGTHS[index] for _, index in batch) for batch in bucketed]
    assert np.abs(np.corrcoef(longest, np.arange(len(longest)))[0, 1]) < 0.5  # not from short to long
    # With windows smaller than the epoch a clip has other neighbours each time.
    sampler = make(BUCKET, LENGTHS, window=10)
    neighbours = []
    for epoch in range(2):
        sampler.set_epoch(epoch)
        neighbours.append({frozenset(index for _, index in batch) for batch in sampler})
    assert len(neighbours[0] & neighbours[1]) < 5


@pytest.mark.parametrize(
    ('clips', 'world_size', 'batch_size'), [(203, 2, 4), (203, 3, 4), (16, 4, 2), (5, 4, 4), (1, 3, 2)]
)
def test_ranks_have_as_many_batches_of_the_same_size_and_share_the_clips(clips, world_size, batch_size):
    lengths = LENGTHS[:clips]
    ranks = [list(make(BUCKET, lengths, batch_size, rank, world_size)) for rank in range(world_size)]
    assert len({len(batches) for batches in ranks}) == 1
    assert len(ranks[0]) == len(make(BUCKET, lengths, batch_size, 0, world_size))
    for step in zip(*ranks, strict=True):
        assert len({len(batch) for batch in step}) == 1
    used = list(itertools.chain.from_iterable(indices(batches) for batches in ranks))
    assert set(used) == set(range(clips))
    assert len(used) - clips < world_size


def test_ranks_read_clips_of_similar_length_in_a_step():
    ranks = [list(make(BUCKET, LENGTHS, 4, rank, 4)) for rank in range(4)]
    spreads = []
    for step in zip(*ranks, strict=True):
        longest = [max(LENGTHS[index] for _, index in batch) for batch in step]
        spreads.append(max(longest) - min(longest))
    assert np.mean(spreads) < 10  # lengths are 5..299


@pytest.mark.parametrize('world_size', [1, 2])
def test_dropping_the_last_smaller_step(world_size):
    ranks = [list(make(BUCKET, LENGTHS, 4, rank, world_size, drop_last=True)) for rank in range(world_size)]
    used = indices(itertools.chain(*ranks))
    assert len(used) == len(set(used)) == 203 // (4 * world_size) * 4 * world_size
    assert len(ranks[0]) == len(make(BUCKET, LENGTHS, 4, 0, world_size, drop_last=True)) == 203 // (4 * world_size)


def test_going_on_in_the_middle_of_an_epoch():
    whole = list(make(BUCKET, LENGTHS))
    sampler = make(BUCKET, LENGTHS)
    sampler.start_batch = 20
    unused = iter(sampler)  # DataLoader with workers asks twice and uses the second
    assert list(sampler) == whole[20:]
    assert len(sampler) == 51
    assert list(sampler) == whole
    del unused
    sampler.start_batch = 51
    assert list(sampler) == []
    sampler.start_batch = 52
    with pytest.raises(ValueError, match=r'start_batch should be 0\.\.51, got 52'):
        list(sampler)


def test_without_shuffling_the_order_is_the_files():
    assert indices(make(BUCKET, [3, 3, 3, 3, 3], 2, shuffle=False)) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(('clips', 'world_size', 'batch_size'), [(203, 1, 4), (203, 3, 4), (5, 4, 2), (2, 4, 2)])
def test_evaluation_has_every_clip_exactly_once_over_all_ranks(clips, world_size, batch_size):
    ranks = [make(EVAL, LENGTHS[:clips], batch_size, rank, world_size) for rank in range(world_size)]
    batches = [list(rank) for rank in ranks]
    assert [len(rank) for rank in ranks] == [len(mine) for mine in batches]
    assert sorted(indices(itertools.chain(*batches))) == list(range(clips))
    if clips < world_size:
        assert batches[-1] == []


def test_evaluation_starts_with_the_longest_clips():
    for rank in range(2):
        lengths = LENGTHS[indices(make(EVAL, LENGTHS, 4, rank, 2))]
        assert (np.diff(lengths) <= 0).all()
    assert LENGTHS[next(iter(make(EVAL, LENGTHS)))[0][1]] == LENGTHS.max()


def test_epoch_sampler_alone_yields_epoch_and_index():
    sampler = make(BUCKET, [1] * 10).sampler
    sampler.set_epoch(3)
    pairs = list(sampler)
    assert {epoch for epoch, _ in pairs} == {3}
    assert sorted(index for _, index in pairs) == list(range(10))
    sampler.world_size = 4
    shares = []
    for sampler.rank in range(4):
        shares.append(list(sampler))
        assert len(shares[-1]) == len(sampler) == 3
    assert {index for share in shares for _, index in share} == set(range(10))


@pytest.mark.parametrize('kind', [BUCKET, EVAL])
def test_wrong_arguments(kind):
    with pytest.raises(ValueError, match=r'batch_size.* got 0'):
        make(kind, [1, 2], batch_size=0)
    with pytest.raises(TypeError, match='has no lengths'):
        sampler = DATA_SAMPLERS.build({'type': 'EpochSampler', 'dataset': [1, 2], 'seed': 0})
        DATA_SAMPLERS.build({'type': kind, 'sampler': sampler, 'batch_size': 2})
    with pytest.raises(ValueError, match='3 clips make no batch'):
        make(BUCKET, [1, 2, 3], batch_size=4, drop_last=True)

import numpy as np
import pytest

from unisign.registry import FRAME_SAMPLERS


@pytest.fixture(params=['EvenFrameSampler', 'RandomFrameSampler'])
def sampler(request):
    return FRAME_SAMPLERS.build({'type': request.param})


@pytest.mark.parametrize(('frames', 'limit'), [(1, 1), (5, 5), (5, 256), (257, 256), (1000, 3), (9, 1), (100, 99)])
def test_sorted_distinct_frames_of_the_clip(sampler, frames, limit):
    indices = sampler(frames, limit, np.random.default_rng(0))
    assert indices.dtype == np.int64
    assert len(indices) == min(frames, limit)
    assert (np.diff(indices) > 0).all()
    assert indices[0] >= 0
    assert indices[-1] < frames
    if frames <= limit:
        assert indices.tolist() == list(range(frames))


def test_no_frames_at_all_is_an_error(sampler):
    with pytest.raises(ValueError, match='max_frames should be at least 1, got 0'):
        sampler(5, 0, np.random.default_rng(0))


@pytest.mark.parametrize(
    ('frames', 'limit', 'expected'),
    [(9, 3, [0, 4, 8]), (10, 4, [0, 3, 6, 9]), (8, 3, [0, 4, 7]), (9, 1, [4]), (10, 1, [4]), (3, 2, [0, 2])],
)
def test_even_frames_by_hand(frames, limit, expected):
    sampler = FRAME_SAMPLERS.build({'type': 'EvenFrameSampler'})
    assert sampler(frames, limit).tolist() == expected


def test_random_frames_follow_the_generator_and_cover_the_clip():
    sampler = FRAME_SAMPLERS.build({'type': 'RandomFrameSampler'})
    first = sampler(50, 10, np.random.default_rng(1))
    assert first.tolist() == sampler(50, 10, np.random.default_rng(1)).tolist()
    assert first.tolist() != sampler(50, 10, np.random.default_rng(2)).tolist()
    rng = np.random.default_rng(0)
    counts = np.bincount(np.concatenate([sampler(50, 10, rng) for _ in range(2000)]), minlength=50)
    assert counts.min() > 330  # 400 expected for each frame, standard deviation 18
    assert counts.max() < 470

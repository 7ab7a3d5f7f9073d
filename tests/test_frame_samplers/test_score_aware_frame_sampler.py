import numpy as np
import pytest

from unisign.frame_samplers import score_weights
from unisign.registry import FRAME_SAMPLERS


@pytest.fixture
def sampler():
    return FRAME_SAMPLERS.build({'type': 'ScoreAwareFrameSampler'})


def with_fingertips(*least):
    """Scores of hands whose worst fingertip has these scores; other points are worse, and do not count."""
    scores = np.full((len(least), 21), 0.01)
    scores[:, [4, 8, 12, 16, 20]] = 0.95
    for i, value in enumerate(least):
        scores[i, (4, 8, 12, 16, 20)[i % 5]] = value
    return scores


def test_weights_by_hand():
    np.testing.assert_allclose(score_weights(with_fingertips(0.9, 0.2, 0.5)), [1e-5, 0.70001, 0.40001], atol=1e-12)


def test_without_a_generator_the_largest_weights_and_of_equal_ones_the_earlier(sampler):
    scores = with_fingertips(0.5, 0.2, 0.5, 0.9, 0.2, 0.5)
    assert sampler(6, 3, scores=scores).tolist() == [0, 1, 4]
    assert sampler(6, 1, scores=scores).tolist() == [1]
    assert sampler(6, 9, scores=scores).tolist() == list(range(6))


def test_draws_follow_the_weights(sampler):
    scores = with_fingertips(0.9, 0.6, 0.3)  # weights 0, 0.3, 0.6
    rng = np.random.default_rng(0)
    drawn = np.bincount([sampler(3, 1, rng=rng, scores=scores)[0] for _ in range(3000)], minlength=3)
    assert drawn[0] <= 2
    assert abs(drawn[1] - 1000) < 80  # standard deviation 26
    pairs = [sampler(3, 2, rng=rng, scores=scores) for _ in range(50)]
    assert all(pair.dtype == np.int64 and pair[0] < pair[1] for pair in pairs)


def test_the_same_generator_gives_the_same_frames(sampler):
    scores = np.random.default_rng(0).random((50, 21))
    first, second, other = (sampler(50, 5, rng=np.random.default_rng(seed), scores=scores) for seed in (1, 1, 2))
    assert first.tolist() == second.tolist() != other.tolist()


def test_scores_are_needed(sampler):
    with pytest.raises(ValueError, match=r'scores should be those of one hand, \[5, 21\], got None.*SampleHandFrames'):
        sampler(5, 2)
    with pytest.raises(ValueError, match=r'got \[5, 133\]'):
        sampler(5, 2, scores=np.zeros((5, 133)))
    with pytest.raises(ValueError, match='max_frames should be at least 1, got 0'):
        sampler(5, 0, scores=np.zeros((5, 21)))


@pytest.mark.parametrize('other', ['EvenFrameSampler', 'RandomFrameSampler'])
def test_the_others_take_scores_and_no_generator(other):
    sampler = FRAME_SAMPLERS.build({'type': other})
    first = sampler(50, 5, rng=None, scores=np.zeros((50, 21)))
    assert len(first) == 5
    assert first.tolist() == sampler(50, 5).tolist()


@pytest.mark.parametrize('side', ['left', 'right'])
def test_golden_probabilities(shared, side):
    golden = np.load(shared / 'golden/hand_crops_yo_001.npz')
    hand = {'left': slice(91, 112), 'right': slice(112, 133)}[side]
    weights = score_weights(golden['scores'][golden[f'{side}_candidates'], 0, hand])
    np.testing.assert_allclose(weights / weights.sum(), golden[f'{side}_prob'], rtol=1e-9)

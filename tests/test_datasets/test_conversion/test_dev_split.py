"""Dev clips are taken from train by whole recordings, always the same ones."""

import pytest

from unisign.datasets.conversion import CorpusClip, with_dev_split


def clips(recordings=100, each=5):
    return [CorpusClip(f'{r}_{i}', 'train', f'{r}_{i}', f'rec{r}') for r in range(recordings) for i in range(each)]


def test_share_and_recordings():
    split = with_dev_split(clips())
    dev = {clip.recording for clip in split if clip.split == 'dev'}
    assert sum(clip.split == 'dev' for clip in split) == 10 and len(dev) == 2
    assert not dev & {clip.recording for clip in split if clip.split == 'train'}
    assert [clip.id for clip in split] == [clip.id for clip in clips()]


def test_the_choice_is_fixed():
    backwards = with_dev_split(clips()[::-1])
    assert backwards[::-1] == with_dev_split(clips())
    assert {clip.recording for clip in backwards if clip.split == 'dev'} == {'rec33', 'rec69'}


def test_where_nothing_is_taken():
    own_dev = [*clips(), CorpusClip('d', 'dev', 'd', 'd')]
    assert with_dev_split(own_dev) == own_dev
    assert with_dev_split(clips(), 0) == clips() and with_dev_split(clips(1)) == clips(1)
    assert sum(clip.split == 'dev' for clip in with_dev_split(clips(2, 1))) == 1
    with pytest.raises(ValueError, match=r'got 0\.9'):
        with_dev_split(clips(), 0.9)

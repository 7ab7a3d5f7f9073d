import torch
from mmengine.registry import FUNCTIONS as MMENGINE_FUNCTIONS

from unisign.datasets import sign_collate
from unisign.registry import FUNCTIONS
from unisign.structures import PARTS, SignDataSample


def item(frames, value=1.0):
    if frames is None:
        return {'inputs': None, 'data_samples': SignDataSample(metainfo={'clip_id': 'bad', 'failure': 'why'})}
    parts = {name: torch.full((frames, len(part), 3), value) for name, part in PARTS.items()}
    return {'inputs': {'parts': parts}, 'data_samples': SignDataSample(metainfo={'clip_id': f'{frames}'})}


def test_clips_are_padded_with_zeros_at_the_end():
    batch = sign_collate([item(2, 1.0), item(4, 2.0)])
    assert {name: tuple(part.shape) for name, part in batch['inputs']['parts'].items()} == {
        'body': (2, 4, 9, 3),
        'left': (2, 4, 21, 3),
        'right': (2, 4, 21, 3),
        'face_all': (2, 4, 18, 3),
    }
    assert batch['inputs']['mask'].tolist() == [[True, True, False, False], [True] * 4]
    assert batch['inputs']['mask'].dtype == torch.bool
    for part in batch['inputs']['parts'].values():
        assert (part[0, :2] == 1).all()
        assert (part[0, 2:] == 0).all()
        assert (part[1] == 2).all()
    assert [sample.clip_id for sample in batch['data_samples']] == ['2', '4']
    assert batch['failed_clips'] == []


def test_clips_that_failed_are_set_apart_and_make_the_batch_smaller():
    batch = sign_collate([item(3), item(None), item(1)])
    assert batch['inputs']['mask'].shape == (2, 3)
    assert [sample.clip_id for sample in batch['data_samples']] == ['3', '1']
    assert [sample.failure for sample in batch['failed_clips']] == ['why']


def test_a_batch_of_failures_is_empty_and_keeps_its_form():
    batch = sign_collate([item(None), item(None)])
    assert {name: tuple(part.shape) for name, part in batch['inputs']['parts'].items()} == {
        name: (0, 0, len(part), 3) for name, part in PARTS.items()
    }
    assert batch['inputs']['mask'].shape == (0, 0)
    assert batch['inputs']['mask'].dtype == torch.bool
    assert batch['data_samples'] == []
    assert len(batch['failed_clips']) == 2


def test_both_registries_know_it():
    assert FUNCTIONS.get('sign_collate') is sign_collate
    assert MMENGINE_FUNCTIONS.get('sign_collate') is sign_collate  # where Runner.build_dataloader looks

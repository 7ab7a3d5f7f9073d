"""Pictures of single hands, and the encoder that learns from them."""

from pathlib import Path

import numpy as np
import pytest
import torch

from unisign.models.backbones import HandCropEncoder, SmallConvNet
from unisign.structures import DataError
from unisign.toy.hand_pictures import HANDSHAPE_NAMES, hand_pictures
from unisign.toy.hand_pretraining import augment, pretrain


def test_pictures_show_hands_of_the_asked_size_and_come_again_with_the_same_seed() -> None:
    first, again, other = (list(hand_pictures(4, seed, size=32, signers=8)) for seed in (1, 1, 2))
    assert 4 <= len(first) <= 12
    for (picture, label), (same_picture, same_label) in zip(first, again, strict=True):
        assert picture.shape == (32, 32, 3) and picture.dtype == np.uint8 and picture.std() > 5
        assert 0 <= label == same_label < len(HANDSHAPE_NAMES)
        np.testing.assert_array_equal(picture, same_picture)
    assert any(not np.array_equal(a[0], b[0]) for a, b in zip(first, other, strict=False))


def test_augmentation_keeps_the_range_and_changes_every_picture_in_its_own_way() -> None:
    images = torch.rand(1, 3, 32, 32).expand(4, -1, -1, -1)
    changed = augment(images, torch.Generator().manual_seed(0))
    assert changed.shape == images.shape and changed.min() >= 0 and changed.max() <= 1
    assert all((changed[i] - changed[j]).abs().max() > 0.05 for i in range(4) for j in range(i))


def test_the_encoder_starts_from_the_weights_that_pretraining_writes(tmp_path: Path) -> None:
    weights = tmp_path / 'hands.safetensors'
    accuracy = pretrain(weights, channels=(4, 8), grid=2, size=16, clips=10, epochs=1, seed=0)
    assert 0 <= accuracy <= 1
    encoder = HandCropEncoder(dict(type='SmallConvNet', channels=(4, 8), grid=2, weights=weights), out_channels=8)
    before = encoder.backbone.state_dict()['layers.0.0.weight'].clone()
    encoder.init_weights()
    after = encoder.backbone.state_dict()
    assert not torch.equal(before, after['layers.0.0.weight'])
    assert after['layers.0.1.num_batches_tracked'] == 1  # one batch was seen
    with pytest.raises(DataError, match=r'hands\.safetensors: the weights do not fit the model'):
        SmallConvNet((8, 8), grid=2, weights=weights).init_weights()

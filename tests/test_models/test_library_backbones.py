"""The RGB branch with the real backbones of mmpose and mmdet, from the config alone."""

import importlib.util
import sys

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS as MMENGINE_MODELS

from unisign.engine.config_check import check_config
from unisign.models import HandCropEncoder
from unisign.registry import MODELS

pytestmark = pytest.mark.filterwarnings('ignore:torch.utils.checkpoint. the use_reentrant')


def resnet(scope: str = 'mmpose', **arguments) -> dict:
    pytest.importorskip(scope, reason=f'{scope} comes with the pose extra: bash tools/install_pose.sh')
    return dict(type=f'{scope}.ResNet', depth=18, **arguments)


def trained(**arguments) -> HandCropEncoder:
    """Return an encoder after the backward pass of one step."""
    torch.manual_seed(0)
    encoder = HandCropEncoder(resnet(**arguments), out_channels=12).train()
    encoder(torch.randn(2, 3, 112, 112)).square().mean().backward()
    return encoder


@pytest.mark.parametrize('scope', ['mmpose', 'mmdet'])
def test_from_the_config_alone(repo, scope: str) -> None:
    config = Config.fromfile(repo / 'configs' / 'toy' / 'stage2_toy.py')
    config.model.rgb_encoder.backbone = resnet(scope)
    check_config(config)
    encoder = MODELS.build(config.model.rgb_encoder)
    assert encoder.projection.in_channels == 512
    assert encoder(torch.randn(2, 3, 112, 112)).shape == (2, config.model.rgb_encoder.out_channels, 4, 4)
    config.model.rgb_encoder.backbone.deph = 18
    with pytest.raises(ValueError, match=rf"{scope}\.ResNet takes no 'deph'; did you mean 'depth'"):
        check_config(config)
    config.model.rgb_encoder.backbone = dict(type=f'{scope}.RestNet')
    with pytest.raises(ValueError, match=rf"'{scope}\.RestNet' is not registered: {scope} has no 'model'"):
        check_config(config)


def test_every_weight_learns() -> None:
    encoder = trained()
    assert all(weight.grad is not None and weight.grad.any() for weight in encoder.parameters())
    assert all(norm.any() for name, norm in encoder.named_buffers() if name.endswith('running_mean'))


def test_frozen_stages_are_those_of_the_library() -> None:
    encoder = trained(frozen_stages=1)
    frozen = {name for name, weight in encoder.backbone.named_parameters() if weight.grad is None}
    assert {name.split('.')[0] for name in frozen} == {'conv1', 'bn1', 'layer1'}
    assert all(weight.grad.any() for name, weight in encoder.backbone.named_parameters() if name not in frozen)
    means = {name: value for name, value in encoder.backbone.named_buffers() if name.endswith('running_mean')}
    assert {name.split('.')[0] for name, value in means.items() if not value.any()} == {'bn1', 'layer1'}


def test_activation_checkpointing_changes_nothing() -> None:
    plain, other = trained(), trained(with_cp=True)
    pairs = zip(plain.parameters(), other.parameters(), strict=True)
    assert all(torch.allclose(a.grad, b.grad, atol=1e-6) for a, b in pairs)
    assert all(torch.equal(a, b) for a, b in zip(plain.buffers(), other.buffers(), strict=True))
    assert all(module.training for module in other.modules())


@pytest.mark.parametrize('with_cp', [False, True])
def test_no_image(with_cp: bool) -> None:
    encoder = trained(with_cp=with_cp)
    before = {name: value.clone() for name, value in encoder.named_buffers()}
    encoder.zero_grad()
    encoder(torch.zeros(0, 3, 112, 112)).sum().backward()
    assert all(weight.grad is not None and not weight.grad.any() for weight in encoder.parameters())
    assert all(torch.equal(value, before[name]) for name, value in encoder.named_buffers())
    encoder(torch.randn(2, 3, 112, 112)).sum().backward()  # and afterwards statistics go on
    assert not any(torch.equal(value, before[name]) for name, value in encoder.named_buffers())


def test_mmcv_has_no_registry() -> None:
    pytest.importorskip('mmcv', reason='mmcv comes with the pose extra: bash tools/install_pose.sh')
    with pytest.raises(KeyError, match=r'mmcv, which has no registry of its own; .* such as mmpose\.ResNet'):
        HandCropEncoder(dict(type='mmcv.ResNet', depth=18))


def test_without_the_pose_extra(monkeypatch) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None if name == 'mmpose' else find_spec(name))
    for name in ('mmpose', 'mmpose.registry'):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr(MMENGINE_MODELS, '_children', {})
    with pytest.raises(KeyError, match=r'mmpose, which is not installed; run bash tools/install_pose\.sh, or choose'):
        HandCropEncoder(dict(type='mmpose.ResNet', depth=18))

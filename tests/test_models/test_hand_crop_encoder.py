"""Encoders of hand crops: EfficientNet, the small one, and those of other libraries."""

import math
import sys
import types

import pytest
import torch
from mmengine.registry import MODELS as MMENGINE_MODELS
from mmengine.registry import Registry
from torch import nn

from unisign.engine.config_check import check_config
from unisign.models import HandCropEncoder
from unisign.registry import MODELS
from unisign.structures import DataError

SMALL = dict(type='SmallConvNet', channels=(4, 8))


def statistics(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in module.named_buffers()}


@pytest.mark.parametrize('size', [112, 56])
def test_small_network(size: int) -> None:
    encoder = HandCropEncoder(dict(type='SmallConvNet', channels=(4, 8, 8, 16)), out_channels=12)
    assert encoder(torch.randn(3, 3, size, size)).shape == (3, 12, 4, 4)
    assert encoder.projection.in_channels == 16


@pytest.mark.parametrize('training', [True, False])
def test_the_backbone_sees_channels_last_in_memory(training: bool) -> None:
    encoder, seen = HandCropEncoder(SMALL, out_channels=4).train(training), []
    encoder.backbone.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    images = torch.randn(2, 3, 16, 16)
    encoder(images)
    assert seen[0].is_contiguous(memory_format=torch.channels_last) and torch.equal(seen[0], images)


def test_efficient_net_is_torchvisions() -> None:
    models = pytest.importorskip('torchvision.models')
    encoder = HandCropEncoder(dict(type='EfficientNet')).eval()
    network = models.efficientnet_b0(weights=None).eval()
    state = {name: value for name, value in network.state_dict().items() if not name.startswith('classifier.')}
    encoder.backbone.load_state_dict(state)  # strict: torchvision's names, all of them
    images = torch.randn(2, 3, 112, 112)
    with torch.no_grad():
        features = network.features(images)
        assert features.shape == (2, 1280, 4, 4)
        assert torch.allclose(encoder.backbone(images), features)
        assert torch.allclose(encoder(images), encoder.projection(features))
    assert sum(p.numel() for p in encoder.backbone.parameters()) == 4_007_548


def test_weights_are_read_when_a_training_starts(tmp_path) -> None:
    models = pytest.importorskip('torchvision.models')
    network, path = models.efficientnet_b0(weights=None), tmp_path / 'b0.pth'
    torch.save(network.state_dict(), path)
    encoder = HandCropEncoder(dict(type='EfficientNet', weights=str(path)))
    first = network.features[0][0].weight
    assert not torch.equal(encoder.backbone.features[0][0].weight, first)
    encoder.init_weights()
    assert torch.equal(encoder.backbone.features[0][0].weight, first)


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (None, 'no such file.*efficientnet_b0_rwightman-7f5810bc'),
        (b'\x80junk', r'b0\.pth: truncated, or not a checkpoint'),
        (dict(weight=1), r'expected a state dict .* got a dict with the keys .*weight'),
        (
            {'features.0.0.weight': torch.zeros(16, 3)},
            r'b0: 358 names .* features\.0\.0\.weight: \[32, 3, 3, 3\] in the model, \[16, 3\] in the file',
        ),
        ({'features.0.0.weight': torch.full((32, 3, 3, 3), math.nan)}, r'NaN or infinity: features\.0\.0\.weight'),
    ],
)
def test_a_weights_file_that_is_none(tmp_path, content, message: str) -> None:
    pytest.importorskip('torchvision')
    path = tmp_path / 'b0.pth'
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    encoder = HandCropEncoder(dict(type='EfficientNet', weights=str(path)))
    with pytest.raises(DataError, match=message):
        encoder.init_weights()


class Evil:
    def __reduce__(self):
        return (sys.exit, ('ran',))


def test_a_weights_file_never_runs_code(tmp_path) -> None:
    pytest.importorskip('torchvision')
    torch.save(dict(a=Evil()), tmp_path / 'evil.pth')
    with pytest.raises(DataError, match=r'would run code .*refused'):
        HandCropEncoder(dict(type='EfficientNet', weights=tmp_path / 'evil.pth')).init_weights()


def test_unknown_architecture() -> None:
    with pytest.raises(DataError, match="'b9' is not one of b0"):
        HandCropEncoder(dict(type='EfficientNet', arch='b9'))


def test_torchvision_missing(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, 'torchvision', None)
    with pytest.raises(DataError, match=r'needs torchvision.*tools/setup_env\.sh'):
        HandCropEncoder(dict(type='EfficientNet'))


def test_frozen_stages_keep_weights_and_statistics() -> None:
    encoder = HandCropEncoder(SMALL, out_channels=4, frozen_stages=0).train()
    before = statistics(encoder)
    encoder(torch.randn(2, 3, 56, 56)).square().sum().backward()
    first, second = encoder.backbone.layers
    assert all(weight.grad is None for weight in first.parameters())
    assert all(weight.grad.any() for weight in second.parameters())
    changed = {name for name, value in encoder.named_buffers() if not torch.equal(value, before[name])}
    assert changed == {f'backbone.layers.1.1.{name}' for name in ('running_mean', 'running_var', 'num_batches_tracked')}


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(frozen_stages=2), r'frozen_stages=2, but the stages of SmallConvNet are 0 to 1'),
        (dict(frozen_stages=-2), 'frozen_stages=-2, but'),
        (dict(frozen_stages='1'), "frozen_stages='1', but"),
        (dict(backbone=dict(type='toylib.Strided'), frozen_stages=0), r'toylib\.Strided has no stages'),
        (dict(backbone=dict(type='toylib.Strided'), with_cp=True), r'toylib\.Strided has no stages'),
    ],
)
def test_stages_that_are_not_there(toylib, arguments: dict, message: str) -> None:
    with pytest.raises(DataError, match=message):
        HandCropEncoder(**{'backbone': SMALL, **arguments})


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(backbone='EfficientNet'), "backbone='EfficientNet' is no config.*type='EfficientNet'"),
        (dict(backbone=dict(channels=(4,))), 'backbone=.* is no config'),
        (dict(in_channels=6), 'in_channels=6, but SmallConvNet gives 8 channels'),
        (dict(backbone=dict(SMALL, grid=0)), r'SmallConvNet\.grid: 0 is no number of cells'),
        (dict(backbone=dict(SMALL, grid=2.5)), r'SmallConvNet\.grid: 2\.5 is no number of cells'),
        (dict(backbone=dict(SMALL, channels=())), r'SmallConvNet\.channels: is empty'),
    ],
)
def test_encoders_that_cannot_be_built(arguments: dict, message: str) -> None:
    with pytest.raises(DataError, match=message):
        HandCropEncoder(**{'backbone': SMALL, **arguments})


@pytest.mark.parametrize('backbone', [SMALL, dict(type='EfficientNet')])
def test_activation_checkpointing_changes_nothing(backbone: dict) -> None:
    if backbone['type'] == 'EfficientNet':
        pytest.importorskip('torchvision')
    images, results = torch.randn(2, 3, 56, 56), []
    for with_cp in (False, True):
        torch.manual_seed(1)
        encoder = HandCropEncoder(backbone, out_channels=4, with_cp=with_cp).train()
        encoder(images).square().mean().backward()
        results.append((statistics(encoder), [weight.grad for weight in encoder.parameters()]))
    (plain, gradients), (again, others) = results
    assert all(torch.equal(again[name], value) for name, value in plain.items())
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(gradients, others, strict=True))
    assert any(value.any() for name, value in plain.items() if name.endswith('running_mean'))


@pytest.mark.parametrize('with_cp', [False, True])
@pytest.mark.parametrize('backbone', [SMALL, dict(type='EfficientNet')])
def test_no_image(backbone: dict, with_cp: bool) -> None:
    if backbone['type'] == 'EfficientNet':
        pytest.importorskip('torchvision')
    encoder = HandCropEncoder(backbone, out_channels=4, with_cp=with_cp).train()
    before = statistics(encoder)
    out = encoder(torch.zeros(0, 3, 112, 112))
    assert out.shape == (0, 4, 4, 4)
    out.sum().backward()
    assert all(weight.grad is not None and not weight.grad.any() for weight in encoder.parameters())
    assert all(torch.equal(value, before[name]) for name, value in encoder.named_buffers())
    assert all(module.training for module in encoder.modules())


class Strided(nn.Module):
    """Stands for a backbone of another library: several feature maps, no word on its channels."""

    def __init__(self, depth: int = 3) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(3)
        self.layers = nn.ModuleList(nn.Conv2d(3 + i, 4 + i, 3, stride=2) for i in range(depth))
        self.loaded = False

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        maps = [self.norm(x)]
        for layer in self.layers:
            maps.append(layer(maps[-1]))
        return tuple(maps[1:])

    def init_weights(self) -> None:
        self.loaded = True


@pytest.fixture
def toylib(monkeypatch):
    """A library of the OpenMMLab family called ``toylib``, with a registry of its own."""
    package, registry = types.ModuleType('toylib'), types.ModuleType('toylib.registry')
    package.__path__ = []
    registry.MODELS = Registry('model', parent=MMENGINE_MODELS, scope='toylib')
    registry.MODELS.register_module(module=Strided)
    monkeypatch.setitem(sys.modules, 'toylib', package)
    monkeypatch.setitem(sys.modules, 'toylib.registry', registry)
    yield
    MMENGINE_MODELS._children.pop('toylib')


def test_a_backbone_of_another_library(toylib) -> None:
    encoder = MODELS.build(
        dict(type='HandCropEncoder', backbone=dict(type='toylib.Strided', depth=2), out_channels=7)
    ).train()
    assert encoder.projection.in_channels == 5
    assert not encoder.backbone.norm.running_mean.any() and encoder.backbone.training  # asking it left no trace
    assert encoder(torch.randn(2, 3, 16, 16)).shape == (2, 7, 3, 3)
    encoder.init_weights()
    assert encoder.backbone.loaded
    assert HandCropEncoder(dict(type='toylib.Strided'), in_channels=6).projection.in_channels == 6


def test_names_of_other_libraries_in_a_config(toylib) -> None:
    def config(name: str, **arguments) -> dict:
        return dict(model=dict(type='HandCropEncoder', backbone=dict(type=name, **arguments)))

    check_config(config('toylib.Strided', depth=2))
    with pytest.raises(ValueError, match=r"toylib\.Strided takes no 'deph'"):
        check_config(config('toylib.Strided', deph=2))
    with pytest.raises(ValueError, match=r'toylib has no .model. of that name'):
        check_config(config('toylib.Resnet'))
    with pytest.raises(ValueError, match='the package nosuchlib, which is not installed; install it'):
        check_config(config('nosuchlib.ResNet'))
    with pytest.raises(KeyError, match='the package nosuchlib, which is not installed'):
        HandCropEncoder(dict(type='nosuchlib.ResNet', depth=18))


def test_another_library_that_cannot_be_imported(tmp_path, monkeypatch) -> None:
    (tmp_path / 'pickylib').mkdir()
    (tmp_path / 'pickylib/__init__.py').write_text('assert False, "MMCV==2.2.0 is used but incompatible"\n')
    monkeypatch.syspath_prepend(tmp_path)
    config = dict(model=dict(type='HandCropEncoder', backbone=dict(type='pickylib.ResNet')))
    with pytest.raises(
        ValueError, match=r'model\.backbone: .*pickylib, which cannot be imported .*MMCV==2\.2\.0 is used'
    ):
        check_config(config)

"""Learning rates that fall from layer to layer: the numbering, and the groups of the optimizer, by hand."""

import pytest
from torch import nn

from unisign.engine import SignOptimWrapperConstructor
from unisign.models.language_models import make_language_model
from unisign.registry import MODELS
from unisign.structures import DataError

OPTIMIZER = dict(type='AdamW', lr=1.0, weight_decay=0.01)


@pytest.fixture(scope='module')
def config(tmp_path_factory):
    """A model of 13 layers: embeddings, 1 spatial and 2 temporal blocks, projection; 1 + 3 + 3 + 1 in the language
    model."""
    sizes = dict(d_model=8, d_ff=8, d_kv=4, num_heads=2, num_layers=3)
    folder = make_language_model(['hello you', '你好'], tmp_path_factory.mktemp('language_model'), **sizes)
    encoder = dict(embed_channels=4, spatial_channels=(4,), temporal_channels=(4, 4), out_channels=8)
    return dict(
        type='UniSign',
        pose_encoder=dict(type='PartGCNEncoder', **encoder),
        head=dict(type='MT5GenerationHead', language_model=str(folder), pretrained=False),
    )


def rates(model, **paramwise):
    """Return the learning rate and weight decay of every trained parameter, by name."""
    wrapper = SignOptimWrapperConstructor(dict(optimizer=OPTIMIZER), paramwise)(model)
    found = {id(one): group for group in wrapper.optimizer.param_groups for one in group['params']}
    return {
        name: (found[id(one)]['lr'], found[id(one)]['weight_decay'])
        for name, one in model.named_parameters()
        if one.requires_grad
    }, wrapper.optimizer.param_groups


def test_layers_are_numbered_from_the_keypoints_to_the_text(config):
    layers = MODELS.build(config).layer_prefixes()
    assert [layer[0] for layer in layers] == [
        'pose_encoder.embeddings',
        'pose_encoder.spatial_networks.body.0',
        'pose_encoder.temporal_networks.body.0',
        'pose_encoder.temporal_networks.body.1',
        'pose_encoder.part_offset',
        'head.language_model.shared',
        *(f'head.language_model.encoder.block.{i}' for i in range(3)),
        *(f'head.language_model.decoder.block.{i}' for i in range(3)),
        'head.language_model.decoder.final_layer_norm',
    ]
    assert layers[1] == tuple(f'pose_encoder.spatial_networks.{name}.0' for name in ('body', 'hand', 'face_all'))
    assert layers[8][1] == 'head.language_model.encoder.final_layer_norm'
    assert layers[12][1] == 'head.language_model.lm_head'


def test_each_layer_has_half_the_rate_of_the_one_above(config):
    found, groups = rates(MODELS.build(config), layer_decay=0.5)
    language = 'head.language_model.'
    for name, layer in {
        'pose_encoder.embeddings.hand.weight': 0,
        'pose_encoder.projection.weight': 4,
        f'{language}shared.weight': 5,
        f'{language}encoder.block.0.layer.0.SelfAttention.q.weight': 6,
        f'{language}encoder.block.2.layer.1.DenseReluDense.wo.weight': 8,
        f'{language}decoder.block.0.layer.1.EncDecAttention.k.weight': 9,
        f'{language}decoder.block.2.layer.0.SelfAttention.v.weight': 11,
        f'{language}lm_head.weight': 12,
    }.items():
        assert found[name] == (0.5 ** (12 - layer), 0.01), name
    assert found['pose_encoder.part_offset'] == (0.5**8, 0.0)
    assert found[f'{language}encoder.final_layer_norm.weight'] == (0.5**4, 0.0)
    assert found[f'{language}decoder.final_layer_norm.weight'] == (1.0, 0.0)
    assert {rate for rate, _ in found.values()} == {0.5**i for i in range(13)}
    assert groups[0]['lr'] == 1.0  # the log shows the first group's


def test_the_factors_of_layers_and_of_parts_are_multiplied(config):
    found, _ = rates(MODELS.build(config), layer_decay=0.5, lr_mult={'pose_encoder': 10.0, 'head': 3.0})
    assert found['pose_encoder.projection.weight'] == (10 * 0.5**8, 0.01)
    assert found['head.language_model.lm_head.weight'] == (3.0, 0.01)


def test_adapters_belong_to_the_layer_they_are_in_and_frozen_parts_to_none(config):
    pytest.importorskip('peft', reason='peft is not installed: pip install unisign[lora]')
    head = dict(config['head'], lora=dict(r=2, target_modules=['q']))
    found, _ = rates(MODELS.build(dict(config, head=head, frozen=['pose_encoder'])), layer_decay=0.5)
    adapters = {name.partition('.lora_')[0] for name in found}
    assert len(adapters) == 9  # three layers of the encoder; three of the decoder, each with two attentions
    name = 'head.language_model.encoder.block.1.layer.0.SelfAttention.q.lora_A.default.weight'
    assert found[name] == (0.5**5, 0.01)


def test_pictures_belong_to_the_layer_they_are_fused_with(config):
    backbone = dict(type='SmallConvNet', channels=(4,), grid=2)
    rgb = dict(
        rgb_encoder=dict(type='HandCropEncoder', backbone=backbone, out_channels=4),
        fusion=dict(type='PriorGuidedFusion', channels=4, num_heads=2),
    )
    model = MODELS.build(dict(config, **rgb))
    assert model.layer_prefixes()[1][-2:] == ('rgb_encoder', 'fusion')
    found, _ = rates(model, layer_decay=0.5)
    assert {found[name][0] for name in found if name.startswith('rgb_encoder')} == {0.5**11}
    assert 0.1 * 0.5**11 in {found[name][0] for name in found if name.startswith('fusion')}  # its gate learns slowly


def test_parts_of_ones_own_count_as_one_layer_unless_they_tell_theirs(config):
    model = MODELS.build(config)
    model.pose_encoder = nn.Linear(3, 8)
    assert model.layer_prefixes()[:2] == [('pose_encoder',), ('head.language_model.shared',)]
    assert rates(model, layer_decay=0.5)[0]['pose_encoder.bias'] == (0.5**8, 0.0)
    with pytest.raises(DataError, match=r'layer_decay: Linear does not tell its layers.*layer_prefixes'):
        rates(nn.Linear(2, 2), layer_decay=0.9)
    for wrong in (0, 1.5, '0.9'):
        with pytest.raises(DataError, match=r'layer_decay: should be above 0 and at most 1'):
            rates(nn.Linear(2, 2), layer_decay=wrong)
    assert rates(nn.Linear(2, 2), layer_decay=1)[0]['weight'] == (1.0, 0.01)

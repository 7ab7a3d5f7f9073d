"""Parts that do not learn: weights, batch norm, dropout, and what the optimizer holds."""

import pytest
import torch
from mmengine.config import Config

from unisign.engine import SignOptimWrapperConstructor, check_config
from unisign.engine.trained_share import trained_share
from unisign.registry import MODELS
from unisign.structures import DataError

ENCODER = 'head.language_model.encoder'


def build(model_config, *frozen, **head):
    return MODELS.build(dict(model_config(**head), frozen=list(frozen))).train()


def learning(model):
    return {name for name, parameter in model.named_parameters() if parameter.requires_grad}


def one_step(model, make_batch):
    optimizer = dict(type='SGD', lr=0.1, weight_decay=0.5)  # the decay alone would change every weight it reaches
    wrapper = SignOptimWrapperConstructor(dict(optimizer=optimizer))(model)
    inputs, samples = make_batch([5, 3])
    wrapper.update_params(model(inputs, samples, mode='loss')['loss'])
    return wrapper


def test_a_frozen_encoder_stays_as_it_is_to_the_bit(model_config, make_batch):
    model = build(model_config, 'pose_encoder')
    before = {name: value.clone() for name, value in model.state_dict().items()}
    wrapper = one_step(model, make_batch)
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed  # the rest learns
    assert not [name for name in changed if name.startswith('pose_encoder.')]  # running statistics are among them
    held = sum(len(group['params']) for group in wrapper.optimizer.param_groups)
    assert held == len(learning(model)) == sum(1 for _ in model.head.parameters())


def test_frozen_modules_stay_in_evaluation_mode_and_the_others_do_not(model_config):
    model = build(model_config, 'pose_encoder.spatial_networks', ENCODER, dropout=0.5)
    for _ in range(2):
        training = {name: module.training for name, module in model.named_modules()}
        assert training['pose_encoder.temporal_networks.body.0'] and training['head.language_model.decoder']
        assert model.training
        frozen = [name for name in training if name.startswith(('pose_encoder.spatial_networks', ENCODER))]
        assert len(frozen) > 20
        assert not any(training[name] for name in frozen)
        model.eval()
        assert not any(module.training for module in model.modules())
        model.train()


def test_names_and_patterns(model_config):
    model = build(model_config, '*.layer_norm', 'head.language_model.encoder.block.0', 'pose_encoder.projection.bias')
    names = {name for name, _ in model.named_parameters()}
    frozen = names - learning(model)
    assert frozen == {
        name
        for name in names
        if '.layer_norm.' in name
        or name.startswith('head.language_model.encoder.block.0.')
        or name == 'pose_encoder.projection.bias'
    }
    assert model.pose_encoder.projection.weight.requires_grad


def test_what_a_part_shares_is_frozen_with_it(model_config):
    model = build(model_config, ENCODER)
    assert not model.head.language_model.shared.weight.requires_grad  # the encoder's embedding is the decoder's too
    assert model.head.language_model.lm_head.weight.requires_grad


def test_an_unknown_part_is_named_with_those_there_are(model_config):
    with pytest.raises(DataError, match=r"model\.frozen: 'pose_encodr' fits no part.*pose_encoder, .*head\.lang"):
        build(model_config, 'pose_encodr')
    with pytest.raises(DataError, match='no parameter that needs a gradient'):
        SignOptimWrapperConstructor(dict(optimizer=dict(type='SGD', lr=0.1)))(build(model_config, '*'))
    wrong = Config(dict(model=dict(model_config(), frozen='pose_encoder')))
    with pytest.raises(DataError, match="frozen='pose_encoder' should be a list"):
        check_config(wrong)


def test_a_batch_without_a_clip_has_a_gradient_for_every_weight_that_learns(model_config, make_batch):
    for frozen in (['pose_encoder'], ['head'], [ENCODER]):
        model = build(model_config, *frozen)
        inputs, samples = make_batch([])
        model(inputs, samples, mode='loss')['loss'].backward()
        assert {name for name, one in model.named_parameters() if one.grad is not None} == learning(model)


def test_the_log_says_how_much_learns(model_config):
    model = build(model_config)
    sizes = {name: sum(one.numel() for one in getattr(model, name).parameters()) for name in ('pose_encoder', 'head')}
    assert trained_share(model) == f'All {sum(sizes.values()) / 1e6:.3f} M weights are trained.'
    share = sizes['head'] / sum(sizes.values())
    assert trained_share(build(model_config, 'pose_encoder')) == (
        f'{sizes["head"] / 1e6:.3f} of {sum(sizes.values()) / 1e6:.3f} M weights are trained ({share:.2%}): '
        f'pose_encoder 0.000 of {sizes["pose_encoder"] / 1e6:.3f} M, '
        f'head {sizes["head"] / 1e6:.3f} of {sizes["head"] / 1e6:.3f} M.'
    )

import pytest
from torch import nn

from unisign.engine import SignOptimWrapperConstructor
from unisign.structures import DataError

OPTIMIZER = dict(type='AdamW', lr=0.1, weight_decay=0.01)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv1d(2, 3, 1), nn.BatchNorm1d(3))
        self.head = nn.Linear(3, 2)
        self.frozen = nn.Parameter(self.head.weight.detach().clone(), requires_grad=False)


def groups(**paramwise):
    model = Model()
    wrapper = SignOptimWrapperConstructor(dict(optimizer=OPTIMIZER), paramwise or None)(model)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return {
        (round(group['lr'], 6), group['weight_decay']): {names[id(parameter)] for parameter in group['params']}
        for group in wrapper.optimizer.param_groups
    }


def rates(model, **lr_mult):
    """Return the learning rate of each trained module's weight."""
    wrapper = SignOptimWrapperConstructor(dict(optimizer=OPTIMIZER), dict(lr_mult=lr_mult))(model)
    found = {id(one): group['lr'] for group in wrapper.optimizer.param_groups for one in group['params']}
    names = dict(model.named_parameters())
    return {name: pytest.approx(found[id(names[f'{name}.weight'])]) for name in ('encoder.0', 'encoder.1', 'head')}


def test_weight_decay_is_for_matrices_only():
    assert groups() == {
        (0.1, 0.01): {'encoder.0.weight', 'head.weight'},
        (0.1, 0.0): {'encoder.0.bias', 'encoder.1.weight', 'encoder.1.bias', 'head.bias'},
    }


def test_parts_may_have_their_own_learning_rate_and_the_longest_prefix_counts():
    found = groups(lr_mult={'encoder': 0.5, 'encoder.1': 0.1})
    assert found == {
        (0.05, 0.01): {'encoder.0.weight'},
        (0.05, 0.0): {'encoder.0.bias'},
        (0.01, 0.0): {'encoder.1.weight', 'encoder.1.bias'},
        (0.1, 0.01): {'head.weight'},
        (0.1, 0.0): {'head.bias'},
    }
    assert next(iter(found))[0] == 0.1  # the log shows the first group's rate


def test_a_module_may_ask_for_a_rate_of_its_own_and_the_config_has_the_last_word():
    model = Model()
    model.encoder[1].lr_mult = 0.1
    assert rates(model) == {'encoder.0': 0.1, 'encoder.1': 0.01, 'head': 0.1}
    assert rates(model, encoder=0.5) == {'encoder.0': 0.05, 'encoder.1': 0.01, 'head': 0.1}  # the longer one counts
    assert rates(model, **{'encoder.1': 2.0}) == {'encoder.0': 0.1, 'encoder.1': 0.2, 'head': 0.1}


def test_wrong_settings_are_named():
    with pytest.raises(DataError, match=r"\['hed'\].*encoder, head"):
        groups(lr_mult={'hed': 0.5})
    with pytest.raises(DataError, match='bias_decay_mult'):
        groups(bias_decay_mult=0.0)

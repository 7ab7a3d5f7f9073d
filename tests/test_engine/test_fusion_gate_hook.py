"""What is logged of the fusion's gate, and the warning when it has closed for good."""

import logging
from types import SimpleNamespace

import pytest
import torch
from mmengine.logging import MessageHub
from torch import nn

from unisign.engine.hooks import FusionGateHook
from unisign.models.necks.fusion_gate import FusionGate


@pytest.fixture
def runner(request):
    """Return what the hook sees of a runner: a model with one gate, the iteration, the log."""
    gate = FusionGate(channels=4, bias=0.5)
    return SimpleNamespace(
        model=nn.ModuleDict({'fusion': nn.ModuleDict({'gate': gate})}),
        iter=0,
        message_hub=MessageHub(request.node.name),
        logger=logging.getLogger(request.node.name),
    )


def train(runner, hook, iterations, hands=3):
    """Let the gate work as in training, once an iteration."""
    gate = runner.model['fusion']['gate']
    for _ in range(iterations):
        gate(torch.ones(hands, 4, 21), torch.ones(hands, 4, 21))
        hook.after_train_iter(runner, 0)
        runner.iter += 1


def logged(runner, name):
    """Return the values logged under a name."""
    scalars = runner.message_hub.log_scalars
    return list(scalars[name].data[0]) if name in scalars else []


def set_bias(runner, bias):
    nn.init.constant_(runner.model['fusion']['gate'].layers[2].bias, bias)


def test_an_open_gate_is_logged_at_the_interval_and_no_word_is_said(runner, caplog):
    hook = FusionGateHook(interval=2, patience=1)
    hook.before_train(runner)
    train(runner, hook, 5)
    assert logged(runner, 'train/gate') == pytest.approx([0.46211716] * 2)  # tanh(0.5), at iterations 2 and 4
    assert logged(runner, 'train/gate_closed') == [0, 0]
    assert not caplog.records


def test_a_gate_that_stays_closed_is_told_of_once_with_what_to_do(runner, caplog):
    hook = FusionGateHook(interval=1, patience=3)
    hook.before_train(runner)
    set_bias(runner, -1.0)
    train(runner, hook, 2)
    set_bias(runner, 0.1)
    train(runner, hook, 1)  # open again: counted anew
    set_bias(runner, -1.0)
    train(runner, hook, 2)
    assert not caplog.records
    train(runner, hook, 5)
    assert logged(runner, 'train/gate_closed') == [1, 1, 0, 1, 1, 1, 1, 1, 1, 1]
    (record,) = caplog.records
    assert 'gate_lr_mult' in record.message and '100%' in record.message


def test_batches_without_pictures_evaluation_and_other_models_log_nothing(runner):
    hook = FusionGateHook(interval=1)
    hook.before_train(runner)
    train(runner, hook, 2, hands=0)
    runner.model.eval()
    train(runner, hook, 2)
    runner.model.train()
    hook.after_train(runner)  # no longer listens
    train(runner, hook, 2)
    runner.model = nn.ModuleDict({'fusion': nn.ModuleDict({'gate': nn.Conv1d(4, 1, 1)})})
    hook.before_train(runner)
    hook.after_train_iter(runner, 0)
    assert not logged(runner, 'train/gate')

"""The same losses in one process and two, with DistributedDataParallel and with sharded weights.

Dropout is off and batch norm frozen, so that a clip's loss does not depend on its neighbours; then one process with
four clips a batch must compute what two with two clips each do, whose targets differ in length.
"""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.model import MMDistributedDataParallel
from torch import distributed
from torch.nn.modules.batchnorm import _BatchNorm
from two_processes import in_two_processes

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'test_models'))
from settling import settle

from unisign.engine import FullyShardedModel, SignOptimWrapperConstructor
from unisign.engine.sharded_state import gather
from unisign.registry import MODELS
from unisign.structures import PARTS, SignDataSample

TEXTS = ('hello', 'my family eats noodles', 'good night', 'help')  # 1 to many tokens
BATCHES = 6  # two make an optimizer step


@pytest.fixture(scope='module')
def config(tiny_language_model):
    return dict(
        type='UniSign',
        pose_encoder=dict(
            type='PartGCNEncoder', embed_channels=4, spatial_channels=(4, 6), temporal_channels=(6, 8), out_channels=24
        ),
        head=dict(
            type='MT5GenerationHead', language_model=str(tiny_language_model), pretrained=False, dropout=0.0,
            generation=dict(max_new_tokens=6),
        ),
    )  # fmt: skip


def batch(number, clips):
    """Return the given clips of a batch."""
    generator = np.random.default_rng(number)
    poses = {name: torch.tensor(generator.normal(size=(4, 9, len(part), 3)) / 3).float() for name, part in PARTS.items()}
    lengths = torch.tensor([9, 4, 7, 5])
    mask = torch.arange(9) < lengths[:, None]
    samples = [
        SignDataSample(metainfo=dict(clip_id=str(i), task='slt', lang='en'), gt_text=TEXTS[(i + number) % 4])
        for i in clips
    ]
    return dict(
        inputs=dict(parts={name: frames[clips] for name, frames in poses.items()}, mask=mask[clips]),
        data_samples=samples,
    )


def frozen(model):
    model.train()
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            module.eval()
    return model


def train(config, wrap, shares, amp=None, resharded=True):
    """Train for a few steps on this process's share of each batch; return losses, gradient norms and weights."""
    torch.set_num_threads(1)
    rank = 0
    if len(shares) > 1:
        rank = int(os.environ['RANK'])
        distributed.init_process_group('gloo')
    torch.manual_seed(0)
    model = settle(MODELS.build(config))
    if wrap == 'ddp':
        model = MMDistributedDataParallel(model, broadcast_buffers=False)
    elif wrap == 'sharded':
        model = FullyShardedModel(model, param_dtype=amp, reshard_after_forward=resharded)
    recipe = dict(optimizer=dict(type='AdamW', lr=0.01), clip_grad=dict(max_norm=0.5), accumulative_counts=2)
    wrapper = SignOptimWrapperConstructor(recipe)(model)
    frozen(model)
    losses, norms = [], []
    for number in range(BATCHES):
        with torch.autocast('cpu', torch.bfloat16, enabled=amp is not None):
            logged = model.train_step(batch(number, shares[rank]), wrapper)
        losses.append(logged['loss'].item())
        norms.append(wrapper.message_hub.get_scalar('train/grad_norm').current() if number % 2 else None)
    plain = getattr(model, 'module', model)
    return losses, norms, {name: value.float().numpy() for name, value in everywhere(plain).items()}


def everywhere(model):
    return {name: getattr(value, 'full_tensor', lambda value=value: value)() for name, value in model.state_dict().items()}


@pytest.fixture(scope='module')
def alone(config):
    return train(config, None, [[0, 1, 2, 3]])


def assert_same(found, alone, tolerance=2e-6):
    for losses, norms, weights in found:
        assert losses == pytest.approx(alone[0], rel=tolerance)
        assert norms[1::2] == pytest.approx(alone[1][1::2], rel=10 * tolerance)
        for name, value in alone[2].items():
            assert np.allclose(weights[name], value, rtol=0, atol=1e-4), name


@pytest.mark.slow
@pytest.mark.parametrize('wrap', ['ddp', 'sharded'])
@pytest.mark.parametrize('shares', [([0, 2], [1, 3]), ([0, 1, 2, 3], [])], ids=['halves', 'one has no clip'])
def test_two_processes_have_the_loss_of_one_over_all_tokens(config, alone, wrap, shares):
    assert_same(in_two_processes(train, config, wrap, shares), alone)

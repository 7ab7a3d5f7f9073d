"""The same losses in one process and two, with DistributedDataParallel and with sharded weights.

Dropout is off and batch norm frozen, so that a clip's loss does not depend on its neighbours; then one process with
four clips a batch must compute what two with two clips each do, whose targets differ in length.
"""

import functools
import sys
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.model import MMDistributedDataParallel
from mmengine.optim import OptimWrapper
from torch import distributed
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils._python_dispatch import TorchDispatchMode
from two_processes import in_two_processes

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'test_models'))
from settling import settle

from unisign.engine import DeepSpeedModel, FullyShardedModel, SignOptimWrapperConstructor
from unisign.registry import MODELS
from unisign.structures import PARTS, DataError, SignDataSample

TEXTS = ('hello', 'my family eats noodles', 'good night', 'help')  # 1 to many tokens
BATCHES = 6  # two make an optimizer step
NEEDS_DEEPSPEED = pytest.mark.skipif(find_spec('deepspeed') is None, reason='deepspeed is not installed')
ZERO_1, ZERO_2 = (pytest.param(f'deepspeed {stage}', marks=NEEDS_DEEPSPEED) for stage in (1, 2))
HALVES, LOPSIDED = ((0, 2), (1, 3)), ((0, 1, 2, 3), ())  # the clips of each process


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
    clips = list(clips)
    generator = np.random.default_rng(number)
    poses = {
        name: torch.tensor(generator.normal(size=(4, 9, len(part), 3)) / 3).float() for name, part in PARTS.items()
    }
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


def wrapped(config, wrap, **sharding):
    """Return the model, started from a fixed seed, in a wrapper for several processes."""
    torch.set_num_threads(1)
    if wrap != 'none':
        distributed.init_process_group('gloo')
    torch.manual_seed(0)
    model = settle(MODELS.build(config))
    if wrap == 'ddp':
        return MMDistributedDataParallel(model, broadcast_buffers=False)
    if wrap.startswith('deepspeed'):
        return DeepSpeedModel(model, stage=int(wrap[-1]))
    return FullyShardedModel(model, **sharding) if wrap == 'sharded' else model


def optimizer_of(model):
    recipe = dict(optimizer=dict(type='AdamW', lr=0.01), clip_grad=dict(max_norm=0.5), accumulative_counts=2)
    optimizer = SignOptimWrapperConstructor(recipe)(model)
    if isinstance(model, DeepSpeedModel):
        model.take(optimizer)
    return optimizer


def train(config, wrap, shares):
    """Train for a few steps on this process's share of each batch, then predict on the main process alone.

    Returns losses, gradient norms, weights and predictions.
    """
    model = wrapped(config, wrap, **(dict(param_dtype=None) if wrap == 'sharded' else {}))
    rank = distributed.get_rank() if wrap != 'none' else 0
    optimizer = optimizer_of(model)
    frozen(model)
    losses, norms = [], []
    for number in range(BATCHES):
        losses.append(model.train_step(batch(number, shares[rank]), optimizer)['loss'].item())
        if number % 2:
            norms.append(optimizer.message_hub.get_scalar('train/grad_norm').current())
    model.eval()
    found = model.val_step(batch(0, [0, 1, 2, 3])) if rank == 0 else []
    state = getattr(model, 'module', model).state_dict()
    return losses, norms, {name: value.numpy() for name, value in state.items()}, [sample.nbest for sample in found]


@pytest.fixture(scope='module')
def alone(config):
    return train(config, 'none', [[0, 1, 2, 3]])


@pytest.fixture(scope='module')
def results(config):
    """A function that trains once in two processes and remembers what came out."""
    return functools.cache(lambda wrap, shares: in_two_processes(train, config, wrap, shares))


def assert_same(found, alone):
    for losses, norms, weights, _ in found:
        assert losses == pytest.approx(alone[0], rel=2e-6)
        assert norms == pytest.approx(alone[1], rel=2e-5)
        for name, value in alone[2].items():
            assert np.allclose(weights[name], value, rtol=0, atol=1e-5), name


@pytest.mark.slow
@pytest.mark.parametrize('wrap', ['ddp', 'sharded', ZERO_2])
def test_two_processes_have_the_loss_of_one_over_all_tokens(results, alone, wrap):
    assert_same(results(wrap, HALVES), alone)


@pytest.mark.slow
@pytest.mark.parametrize('wrap', ['ddp', 'sharded', ZERO_1])
def test_so_they_have_where_one_of_them_has_no_clip(results, alone, wrap):
    assert_same(results(wrap, LOPSIDED), alone)


def refused(config):
    try:
        train(config, 'deepspeed 2', LOPSIDED)
    except DataError as error:
        return str(error)
    return ''


@pytest.mark.slow
@NEEDS_DEEPSPEED
def test_zero_2_stops_where_one_of_them_has_no_clip(config):
    first, second = in_two_processes(refused, config)
    assert first == second
    assert 'some processes have readable clips in this batch and others have none' in first


@pytest.mark.slow
@pytest.mark.parametrize('wrap', ['sharded', ZERO_2])
def test_activation_checkpointing_goes_with_them(config, alone, wrap):
    repeated = dict(
        config,
        pose_encoder=dict(config['pose_encoder'], with_cp=True),
        head=dict(config['head'], gradient_checkpointing=True),
    )
    for losses, norms, _, _ in in_two_processes(train, repeated, wrap, HALVES):
        assert losses == pytest.approx(alone[0], rel=2e-6)
        assert norms == pytest.approx(alone[1], rel=2e-5)


@pytest.mark.slow
def test_the_main_process_can_predict_alone_between_training_steps(results, alone):
    predicted, nothing = (found[3] for found in results('sharded', HALVES))
    assert nothing == []
    for nbest, expected in zip(predicted, alone[3], strict=True):
        assert [text for text, _ in nbest] == [text for text, _ in expected]
        assert [score for _, score in nbest] == pytest.approx([score for _, score in expected], rel=1e-4)


class HalfPrecision(OptimWrapper):
    """What ``AmpOptimWrapper`` does on a GPU."""

    @contextmanager
    def optim_context(self, model):
        with super().optim_context(model), torch.autocast('cpu', torch.bfloat16):
            yield


def losses_in_half_precision(config, wrap, **sharding):
    model = wrapped(config, wrap, **sharding)
    optimizer = optimizer_of(model)
    optimizer = HalfPrecision(optimizer.optimizer, 2, dict(max_norm=0.5))
    frozen(model)
    share = HALVES[distributed.get_rank()]
    return [model.train_step(batch(number, share), optimizer)['loss'].item() for number in range(BATCHES)]


@pytest.mark.slow
def test_blocks_gathered_in_bfloat16_lose_nothing_that_autocast_does_not(config, alone):
    plain, _ = in_two_processes(losses_in_half_precision, config, 'ddp')
    sharded, _ = in_two_processes(
        functools.partial(losses_in_half_precision, config, 'sharded', param_dtype='bfloat16')
    )
    assert plain != pytest.approx(alone[0], rel=1e-5)  # half precision is seen
    assert sharded == pytest.approx(plain, rel=1e-2)


def syncs_of_ddp(config):
    """Return how often gradients are sent in each batch, two of which make a step; the fifth is the epoch's last."""
    model = wrapped(config, 'ddp')
    optimizer = optimizer_of(model)
    optimizer.initialize_count_status(model, 0, 5)
    calls = []
    model.register_comm_hook(calls, lambda calls, bucket: calls.append(1) or allreduce_hook(None, bucket))
    counts = []
    for number in range(5):
        model.train_step(batch(number, [0, 1]), optimizer)
        counts.append(len(calls))
        calls.clear()
    return counts


class Reductions(TorchDispatchMode):
    """Counts what sends gradients to the process that keeps them."""

    count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.count += 'reduce_scatter' in str(function)
        return function(*args, **(kwargs or {}))


def syncs_of_shards(config):
    model = wrapped(config, 'sharded', param_dtype=None)
    optimizer = optimizer_of(model)
    optimizer.initialize_count_status(model, 0, 5)
    counts = []
    for number in range(5):
        with Reductions() as sent:
            model.train_step(batch(number, [0, 1]), optimizer)
        counts.append(sent.count)
    return counts


@pytest.mark.slow
@pytest.mark.parametrize('count', [syncs_of_ddp, syncs_of_shards])
def test_gradients_are_sent_once_an_optimizer_step(config, count):
    counts, _ = in_two_processes(count, config)
    first, second, third, fourth, last = counts
    assert (first, third) == (0, 0)
    assert second == fourth == last > 0

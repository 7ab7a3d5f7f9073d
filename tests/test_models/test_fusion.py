"""The fusions inside the model: which hands they touch, in a batch and alone, and what learns."""

import math
import os

import pytest
import torch
from mmengine.optim import OptimWrapper
from settling import settle
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

from unisign.models import UniSign
from unisign.models.backbones.batch_statistics import is_empty
from unisign.registry import MODELS
from unisign.structures import PARTS, DataError, SignDataSample

FUSIONS = ('PriorGuidedFusion', 'CrossAttentionFusion', 'ConcatFusion')
PROCESSES = 2


def rgb_config(config: dict, fusion: str = 'PriorGuidedFusion', **arguments) -> dict:
    """Return the config of a very small model with an RGB branch; its hands' spatial features have 8 channels."""
    arguments = dict(arguments) if fusion == 'ConcatFusion' else dict(num_heads=2, **arguments)
    return dict(
        config,
        pose_encoder=dict(config['pose_encoder'], spatial_channels=(4, 8), temporal_channels=(8, 8)),
        rgb_encoder=dict(type='HandCropEncoder', backbone=dict(type='SmallConvNet', channels=(4, 8)), out_channels=8),
        fusion=dict(type=fusion, channels=8, **arguments),
    )


def make_hand(*places: tuple[int, int]) -> dict[str, torch.Tensor]:
    """Return random pictures of one side at (clip, frame)."""
    clip, frame = torch.tensor(places, dtype=torch.long).view(-1, 2).unbind(1)
    count = len(places)
    return dict(images=torch.randn(count, 3, 32, 32), keypoints=torch.rand(count, 21, 2), clip=clip, frame=frame)


@pytest.fixture(params=FUSIONS)
def model(request, model_config) -> UniSign:
    return settle(MODELS.build(rgb_config(model_config(), request.param)))


@pytest.mark.parametrize(
    ('part', 'option', 'message'),
    [
        ('rgb_encoder', 'out_channels', r'rgb_encoder\.out_channels=10, but .* have 8 channels.*out_channels=8\.$'),
        ('fusion', 'channels', r'fusion\.channels=10, but .* have 8 channels.*Set model\.fusion\.channels=8\.$'),
    ],
)
@pytest.mark.parametrize('fusion', FUSIONS)
def test_widths_that_do_not_fit_the_pose_encoder(
    model_config, fusion: str, part: str, option: str, message: str
) -> None:
    config = rgb_config(model_config(), fusion)
    config[part][option] = 10
    with pytest.raises(DataError, match=message):
        MODELS.build(config)


@pytest.fixture
def hands() -> dict[str, dict[str, torch.Tensor]]:
    return dict(left=make_hand((0, 1), (0, 4), (2, 2)), right=make_hand((0, 4)))


def spatial(model: UniSign, inputs: dict, hands: dict) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the hands' spatial features before and after the fusion, [V, S, N, C]."""
    before = model.pose_encoder.spatial(inputs['parts'], inputs['mask'])
    kept = before.networks['hand'].clone()
    crops = {side: model.rgb_encoder(hand['images']) for side, hand in hands.items()}
    after = model.fusion(before, hands, crops)
    assert torch.equal(before.networks['hand'], kept)
    assert after.networks['body'] is before.networks['body']
    return kept, after.networks['hand']


@torch.no_grad()
def test_only_hands_with_a_picture_change(model, make_batch, hands) -> None:
    inputs, _ = make_batch([5, 3, 4])
    before, after = spatial(model, inputs, hands)
    changed = (before != after).flatten(3).any(dim=(0, 3)).nonzero().tolist()
    # Frame t of clip b is number t + the frames of the clips before: clip 2 starts at 8.
    assert changed == [[0, 1], [0, 4], [0, 10], [1, 4]]
    features, plain = model(dict(inputs, hands=hands)), model(inputs)
    assert torch.equal(features[1], plain[1])
    assert not torch.equal(features[0], plain[0])


@torch.no_grad()
def test_one_call_for_the_batch_is_a_loop_over_the_clips(model, make_batch, hands) -> None:
    inputs, _ = make_batch([5, 3, 4])
    together = model(dict(inputs, hands=hands))
    for i, length in enumerate([5, 3, 4]):
        own = {}
        for side, hand in hands.items():
            rows = hand['clip'] == i
            own[side] = {name: values[rows] for name, values in hand.items()} | dict(clip=hand['clip'][rows] * 0)
        parts = {name: part[i : i + 1, :length] for name, part in inputs['parts'].items()}
        alone = model(dict(parts=parts, mask=inputs['mask'][i : i + 1, :length], hands=own))
        assert torch.allclose(together[i, :length], alone[0], atol=1e-5)


@torch.no_grad()
def test_both_sides_share_the_weights(model, make_batch) -> None:
    inputs, _ = make_batch([4])
    inputs['parts']['right'] = inputs['parts']['left']
    hand = make_hand((0, 1), (0, 2))
    _, after = spatial(model, inputs, dict(left=hand, right=hand))
    assert torch.allclose(after[:, 0], after[:, 1], atol=1e-6)


def test_poses_alone(model, make_batch, hands, monkeypatch) -> None:
    inputs, samples = make_batch([5, 3, 4])
    monkeypatch.setattr(model.rgb_encoder, 'forward', lambda images: pytest.fail('costs time'))
    nothing = dict(left=make_hand(), right=make_hand())
    for extra in ({}, dict(hands=nothing), dict(hands={})):
        with torch.no_grad():
            assert torch.equal(model(inputs | extra), model.pose_encoder(inputs['parts'], inputs['mask']))
            assert all(isinstance(s.pred_text, str) for s in model(inputs | extra, samples, mode='predict'))
        assert model.explain_fusion(inputs | extra) == {}


@pytest.mark.parametrize('extra', [{}, dict(hands=dict(left=make_hand(), right=make_hand()))])
def test_no_picture_in_training_gives_zero_gradients(model, make_batch, extra: dict) -> None:
    model.train()
    branch = dict(rgb=model.rgb_encoder, fusion=model.fusion)
    statistics = {name: value.clone() for name, value in model.rgb_encoder.named_buffers()}
    inputs, samples = make_batch([5, 3])
    model(inputs | extra, samples, mode='loss')['loss'].backward()
    for part in branch.values():
        assert all(weight.grad is not None and not weight.grad.any() for weight in part.parameters())
    assert all(torch.equal(value, statistics[name]) for name, value in model.rgb_encoder.named_buffers())
    assert model.pose_encoder.projection.weight.grad.any()


def test_one_side_may_be_missing(model, make_batch) -> None:
    inputs, _ = make_batch([5])
    hand = make_hand((0, 3))
    both = model(dict(inputs, hands=dict(left=make_hand(), right=hand)))
    assert torch.allclose(model(dict(inputs, hands=dict(right=hand))), both)


def test_all_of_the_branch_learns(model_config, make_batch) -> None:
    """After some steps nothing of it is dead, and the gate tells the keypoints apart."""
    torch.manual_seed(0)
    model = MODELS.build(rgb_config(model_config(dropout=0.0))).train()
    inputs, samples = make_batch([5, 4, 6], langs=['en'], texts=['hello', 'help', 'good night'])
    pictures = dict(left=make_hand((0, 1), (1, 2), (2, 4)), right=make_hand((0, 3), (2, 0)))
    batch = dict(inputs=dict(inputs, hands=pictures), data_samples=samples)
    optimizer = OptimWrapper(torch.optim.AdamW(model.parameters(), lr=1e-3))
    first = model.explain_fusion(batch['inputs'])['left'].gate
    assert torch.allclose(first, torch.full((3, 21), math.tanh(0.5)))
    for _ in range(20):
        model.train_step(batch, optimizer)
    model.zero_grad()
    model(batch['inputs'], samples, mode='loss')['loss'].backward()
    for part in (model.rgb_encoder, model.fusion):
        # The last bias of the position bias adds the same to all scores of a keypoint: no gradient by its nature.
        weights = {n: w for n, w in part.named_parameters() if n != 'deformable_attention.position_bias.layers.4.bias'}
        dead = [name for name, weight in weights.items() if not weight.grad.any()]
        assert not dead
    gate = model.explain_fusion(batch['inputs'])['left'].gate
    assert gate.std(dim=1).min() > 0


def test_explanation(model, make_batch, hands) -> None:
    inputs, _ = make_batch([5, 3, 4])
    found = model.explain_fusion(dict(inputs, hands=hands))
    assert set(found) == {'left', 'right'}
    name = type(model.fusion).__name__
    for side, count in (('left', 3), ('right', 1)):
        gate, points = found[side].gate, found[side].sampling_points
        assert (gate is None) == (name == 'ConcatFusion')
        assert gate is None or gate.shape == (count, 21)
        assert (points is not None) == (name == 'PriorGuidedFusion')
        if points is not None:
            assert points.shape == (count, 21 * 2, 2)
            distance = (points.view(count, 21, 2, 2) - hands[side]['keypoints'][:, :, None]).abs()
            assert 0 < distance.max() <= 4 / 6 / 2 + 1e-6  # each beside its own keypoint


def test_concatenation_starts_from_the_poses(model_config, make_batch) -> None:
    model = settle(MODELS.build(rgb_config(model_config(), 'ConcatFusion')))
    inputs, _ = make_batch([5])
    with torch.no_grad():
        model.fusion.linear.weight[:, :8] = 0
        model.fusion.linear.bias.zero_()
        assert torch.allclose(model(dict(inputs, hands=dict(left=make_hand((0, 1))))), model(inputs), atol=1e-6)


def test_mixed_precision_keeps_places_and_frames(model_config, make_batch) -> None:
    model = settle(MODELS.build(rgb_config(model_config())))
    inputs, _ = make_batch([400])  # bfloat16 has no 301
    hands = dict(left=make_hand((0, 301)), right=make_hand((0, 399)))
    before, exact = spatial(model, inputs, hands)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        _, mixed = spatial(model, inputs, hands)
        assert model.explain_fusion(dict(inputs, hands=hands))['left'].sampling_points.dtype == torch.float32
    assert (exact != before).any(dim=3).any(dim=0).nonzero().tolist() == [[0, 301], [1, 399]]
    difference = (mixed.float() - exact).abs().amax(dim=(0, 3))
    assert difference.max() < 0.15 * exact.abs().max()


def test_checkpointed_fusion_gives_the_same_gradients(model_config, make_batch) -> None:
    inputs, samples = make_batch([5, 4])
    hands, gradients = dict(left=make_hand((0, 1), (1, 2)), right=make_hand((0, 3))), []
    for with_cp in (False, True):
        torch.manual_seed(0)
        model = MODELS.build(rgb_config(model_config(dropout=0.0), with_cp=with_cp)).train()
        model(dict(inputs, hands=hands), samples, mode='loss')['loss'].backward()
        gradients.append([weight.grad for weight in model.parameters()])
    assert all(torch.allclose(a, b, atol=1e-7) for a, b in zip(*gradients, strict=True))


def branch_gradients(config: dict, rank: int) -> torch.Tensor:
    """Return the gradients of the RGB branch after each of four steps, [4, weights]."""
    torch.manual_seed(0)
    model = DistributedDataParallel(MODELS.build(config).train(), broadcast_buffers=False)
    parts = {name: torch.rand(2, 4, len(part), 3) for name, part in PARTS.items()}
    samples = [SignDataSample(metainfo=dict(clip_id=str(i), task='slt', lang='en'), gt_text='hello') for i in range(2)]
    steps = []
    for with_pictures in ((0,), (1,), (), (0, 1)):  # the processes whose batch has any
        inputs = dict(parts=parts, mask=torch.ones(2, 4, dtype=torch.bool))
        if rank in with_pictures:
            inputs['hands'] = dict(left=make_hand((0, 1), (1, 2)), right=make_hand())
        elif rank == 1:  # the other process has not even the key
            inputs['hands'] = dict(left=make_hand(), right=make_hand())
        model.zero_grad()
        model(inputs, samples, mode='loss')['loss'].backward()
        branch = [*model.module.rgb_encoder.parameters(), *model.module.fusion.parameters()]
        steps.append(torch.cat([weight.grad.flatten() for weight in branch]))
    return torch.stack(steps)


def run(rank: int, configs: list[dict], folder: str) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group('gloo', init_method=f'file://{folder}/meet', rank=rank, world_size=PROCESSES)
    torch.save([branch_gradients(config, rank) for config in configs], f'{folder}/{rank}.pth')
    synchronised, device = torch.nn.SyncBatchNorm(2), torch.device('cpu')
    if is_empty(synchronised, rank, device) or not is_empty(synchronised, 0, device):
        raise ValueError('synchronised batch norm counts what all processes have')
    distributed.barrier()
    os._exit(0)  # at an orderly end the threads of the connections now and then hang the interpreter


@pytest.mark.slow
def test_a_rank_without_pictures_takes_part(model_config, tmp_path) -> None:
    configs = [rgb_config(model_config(), with_cp=with_cp) for with_cp in (False, True)]
    configs[1]['rgb_encoder']['with_cp'] = True
    torch.multiprocessing.spawn(run, (configs, str(tmp_path)), nprocs=PROCESSES)
    first, second = (torch.load(tmp_path / f'{rank}.pth') for rank in range(PROCESSES))
    for ours, theirs in zip(first, second, strict=True):
        assert torch.equal(ours, theirs)
        assert [bool(step.any()) for step in ours] == [True, True, False, True]
        assert torch.isfinite(ours).all()
    assert torch.allclose(first[0], first[1], atol=1e-6)

import pytest
import torch
from mmengine.optim import OptimWrapper
from settling import settle
from torch import nn

from unisign.datasets import sign_collate
from unisign.registry import MODELS
from unisign.structures import PARTS, SignDataSample


def test_a_clip_alone_and_among_longer_clips_of_other_languages(tiny_model, make_batch) -> None:
    texts = ['hello you', '今天我想吃面条。', 'good night']
    inputs, samples = make_batch([4, 11, 7], langs=['zh', 'en', 'en'], texts=texts)
    features = tiny_model(inputs)
    states, mask = tiny_model.head.encode(features, inputs['mask'], samples)
    for i, length in enumerate([4, 11, 7]):
        own_parts = {name: part[i : i + 1, :length] for name, part in inputs['parts'].items()}
        own = dict(parts=own_parts, mask=inputs['mask'][i : i + 1, :length])
        own_features = tiny_model(own)
        assert torch.allclose(features[i, :length], own_features[0], atol=1e-5)
        own_states, _ = tiny_model.head.encode(own_features, own['mask'], samples[i : i + 1])
        assert torch.allclose(states[i][mask[i].bool()], own_states[0], atol=1e-5)
    together = tiny_model(inputs, samples, mode='loss')['loss']
    tokens = [len(tiny_model.head.codec.target_ids(text)) for text in texts]
    alone = [
        tiny_model(
            dict(parts={n: p[i : i + 1] for n, p in inputs['parts'].items()}, mask=inputs['mask'][i : i + 1]),
            samples[i : i + 1],
            mode='loss',
        )['loss']
        for i in range(3)
    ]
    mean = sum(loss * n for loss, n in zip(alone, tokens, strict=True)) / sum(tokens)
    assert together.item() == pytest.approx(mean.item(), abs=1e-5)


def test_replicate_repeats_the_last_frame(model_config, make_batch) -> None:
    config = dict(model_config(), padding='replicate')
    model = settle(MODELS.build(config))
    inputs, samples = make_batch([3, 6])
    repeated = {
        name: torch.stack([torch.cat([part[0, :3], part[0, 2:3].repeat(3, 1, 1)]), part[1]])
        for name, part in inputs['parts'].items()
    }
    features = model(inputs)
    full = torch.ones(2, 6, dtype=torch.bool)
    assert torch.allclose(features, model.pose_encoder(repeated, full), atol=1e-6)
    # The convolutions see the repeated frames; the language model does not.
    alone = model(dict(parts={n: p[:1, :3] for n, p in inputs['parts'].items()}, mask=full[:1, :3]))
    assert not torch.allclose(features[0, :3], alone[0], atol=1e-4)
    _, mask = model.head.input_embeddings(features, inputs['mask'], samples)
    assert mask[0].sum() == len(model.head.codec.prompt_ids('en')) + 3


def test_modes(tiny_model, make_batch) -> None:
    inputs, samples = make_batch([5, 3])
    assert tiny_model(inputs).shape == (2, 5, 24)
    assert tiny_model(inputs, samples, mode='loss')['loss'].ndim == 0
    assert tiny_model(inputs, samples, mode='predict')[1].pred_text == samples[1].pred_text
    with pytest.raises(ValueError, match="'guess'"):
        tiny_model(inputs, samples, mode='guess')


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(padding='zeros'), "'zeros'.*masked, replicate"),
        (dict(fusion=dict(type='PartGCNEncoder')), 'rgb_encoder and fusion'),
        (dict(pose_encoder=dict(type='PartGCNEncoder', out_channels=768)), 'out_channels=24'),
    ],
)
def test_config_mistakes(model_config, changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MODELS.build(dict(model_config(), **changes))


def failed_sample(clip_id: str) -> SignDataSample:
    return SignDataSample(metainfo=dict(clip_id=clip_id, task='slt', lang='en', failure='gone'), gt_text='hello')


def test_failed_clips_end_up_in_the_evaluation_once(tiny_model, make_batch) -> None:
    inputs, samples = make_batch([5, 3])
    batch = dict(inputs=inputs, data_samples=samples, failed_clips=[failed_sample('broken')])
    for step in (tiny_model.val_step, tiny_model.test_step):
        predictions = step(batch)
        assert [sample.clip_id for sample in predictions] == ['clip0', 'clip1', 'broken']
        assert (predictions[-1].pred_text, predictions[-1].pred_score, predictions[-1].nbest) == ('', 0.0, [])


def test_a_batch_in_which_every_clip_failed(tiny_model) -> None:
    model = tiny_model.train()
    batch = sign_collate([dict(inputs=None, data_samples=failed_sample('broken'))])
    before = {name: value.clone() for name, value in model.state_dict().items()}
    optimizer = OptimWrapper(torch.optim.SGD(model.parameters(), lr=1.0))
    log = model.train_step(batch, optimizer)
    assert log['loss'].item() == 0
    assert all(p.grad is None or not p.grad.any() for p in model.parameters())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert [sample.clip_id for sample in model.eval().val_step(batch)] == ['broken']


def test_training_learns(model_config, make_batch) -> None:
    torch.manual_seed(0)
    model = MODELS.build(model_config(dropout=0.0, label_smoothing=0.0)).train()
    inputs, samples = make_batch([5, 3, 6, 4], langs=['en'], texts=['hello', 'help', 'good night', 'my family'])
    optimizer = OptimWrapper(torch.optim.AdamW(model.parameters(), lr=3e-3))
    batch = dict(inputs=inputs, data_samples=samples)
    for _ in range(60):
        log = model.train_step(batch, optimizer)
    assert log['loss'].item() < 0.3
    model(inputs, samples, mode='loss')['loss'].backward()
    assert all(p.grad is not None for p in model.parameters())  # DistributedDataParallel waits for every one


def test_initialisation_by_the_runner_leaves_the_language_model_alone(tiny_model) -> None:
    before = {name: value.clone() for name, value in tiny_model.state_dict().items()}
    tiny_model.init_weights()
    assert all(torch.equal(value, before[name]) for name, value in tiny_model.state_dict().items())


class ImageMean(nn.Module):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.mean(dim=(1, 2, 3))


class AddToHands(nn.Module):
    """Adds each crop's number to the hand's features at the crop's frame."""

    def forward(self, features, hands: dict, crops: dict):
        frames = features.timeline.mask.flatten().cumsum(0).view_as(features.timeline.mask) - 1
        hand_features = features.networks['hand'].clone()
        for side, name in enumerate(('left', 'right')):
            index = frames[hands[name]['clip'], hands[name]['frame']]
            hand_features[:, side, index] += crops[name][:, None]
        features.networks['hand'] = hand_features
        return features


def test_fusion_works_between_the_spatial_and_the_temporal_network(model_config, make_batch) -> None:
    for module in (ImageMean, AddToHands):
        MODELS.register_module(module=module, force=True)
    config = dict(model_config(), rgb_encoder=dict(type='ImageMean'), fusion=dict(type='AddToHands'))
    model = settle(MODELS.build(config))
    inputs, _ = make_batch([5, 3])
    plain = model(inputs)
    hand = dict(images=torch.ones(1, 3, 112, 112), keypoints=torch.zeros(1, 21, 2))
    where = dict(clip=torch.tensor([1]), frame=torch.tensor([2]))
    fused = model(dict(inputs, hands=dict(left=hand | where, right=hand | where)))
    assert torch.equal(fused[0], plain[0])  # the other clip
    assert not torch.allclose(fused[1, :3], plain[1, :3], atol=1e-4)
    for parts in (model.rgb_encoder, model.fusion):
        assert not list(parts.parameters())
    assert set(inputs['parts']) == set(PARTS)

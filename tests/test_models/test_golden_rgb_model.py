"""The published RGB-pose model: seeded weights, given inputs, its numbers."""

from pathlib import Path

import numpy as np
import pytest
import torch
from published_weights import published_weights

from unisign.checkpoints import from_official, to_official
from unisign.models import UniSign
from unisign.models.heads.beam_search import beam_search
from unisign.registry import MODELS
from unisign.structures import PARTS, SignDataSample

TEXTS = ('今天我想吃面条。', '他今年四岁。', '你们好！')
LENGTHS = (37, 52, 20)


@pytest.fixture(scope='module')
def golden(shared: Path) -> dict[str, np.ndarray]:
    with np.load(shared / 'golden' / 'model_rgb.npz') as file:
        return dict(file)


@pytest.fixture(scope='module')
def published(shared: Path) -> dict[str, torch.Tensor]:
    return published_weights(shared, 'rgb')


@pytest.fixture(scope='module')
def model(shared: Path, published: dict[str, torch.Tensor]) -> UniSign:
    pytest.importorskip('torchvision')
    language_model = str(shared / 'golden' / 'mt5-tiny')
    config = dict(
        type='UniSign',
        pose_encoder=dict(type='PartGCNEncoder'),
        rgb_encoder=dict(type='HandCropEncoder', backbone=dict(type='EfficientNet', arch='b0')),
        fusion=dict(type='PriorGuidedFusion'),
        head=dict(type='MT5GenerationHead', language_model=language_model, pretrained=False),
        padding='replicate',
    )
    model = MODELS.build(config)
    model.load_state_dict(from_official(published), strict=True)
    return model.eval()


def hand(golden: dict[str, np.ndarray], side: str) -> dict[str, torch.Tensor]:
    """Return the rows of a hand; an index of -1 stands for a clip without a picture of it, with a row of noise."""
    frame = torch.from_numpy(golden[f'{side}_sampled_indices']).long().flatten()
    lengths = torch.from_numpy(golden[f'{side}_rgb_len']).long().flatten()
    clip = torch.arange(len(lengths)).repeat_interleave(lengths)
    generator = torch.Generator().manual_seed(10 + (side == 'right'))
    images = torch.randn(len(frame), 3, 112, 112, generator=generator)
    rows = frame >= 0
    keypoints = torch.from_numpy(golden[f'{side}_skeletons_norm'])
    return dict(images=images[rows], keypoints=keypoints[rows], clip=clip[rows], frame=frame[rows])


@pytest.fixture(scope='module')
def batch(golden: dict[str, np.ndarray]) -> tuple[dict, list[SignDataSample]]:
    parts = {name: torch.from_numpy(golden[f'part_{name}']) for name in PARTS}
    mask = torch.arange(max(LENGTHS)) < torch.tensor(LENGTHS)[:, None]
    samples = [SignDataSample(metainfo=dict(clip_id=text, task='slt', lang='zh'), gt_text=text) for text in TEXTS]
    hands = {side: hand(golden, side) for side in ('left', 'right')}
    return dict(parts=parts, mask=mask, hands=hands), samples


@torch.no_grad()
def test_inputs_of_the_language_model(model, batch, golden) -> None:
    inputs, samples = batch
    embeddings, mask = model.head.input_embeddings(model(inputs), inputs['mask'], samples)
    assert np.array_equal(mask.numpy(), golden['attention_mask'])
    assert np.abs(embeddings.numpy() - golden['inputs_embeds']).max() < 1e-4
    poses_only, _ = model.head.input_embeddings(
        model(dict(parts=inputs['parts'], mask=inputs['mask'])), inputs['mask'], samples
    )
    assert (poses_only - embeddings).abs().max() > 0.01  # the pictures show in these numbers


@torch.no_grad()
def test_loss(model, batch, golden) -> None:
    assert model(*batch, mode='loss')['loss'].item() == pytest.approx(float(golden['loss']), abs=1e-4)


@torch.no_grad()
def test_generated(model, batch, golden) -> None:
    inputs, samples = batch
    states, mask = model.head.encode(model(inputs), inputs['mask'], samples)
    found = beam_search(model.head.language_model, states, mask, num_beams=4, max_new_tokens=12)
    assert np.array_equal(found.tokens[:, 0].numpy(), golden['generated'][:, 1:])


def test_names_there_and_back(model, published) -> None:
    again = to_official(model.state_dict())
    assert again.keys() == published.keys()
    assert all(torch.equal(again[name], value) for name, value in published.items())
    trained = {name for name, weight in model.named_parameters() if weight.requires_grad}
    assert not any('unused_linear' in name for name in trained)


def test_published_size(model) -> None:
    """Spec.md, section 1: 592.638 M of which mT5 582.401 M; EfficientNet-B0 without classifier 4.008 M."""
    sizes = {
        name: sum(weight.numel() for weight in part.parameters())
        for name, part in (('efficient_net', model.rgb_encoder.backbone), ('all', model), ('head', model.head))
    }
    assert round(sizes['efficient_net'] / 1e6, 3) == 4.008
    carried = sum(buffer.numel() for buffer in model.fusion.unused_linear.buffers())
    assert carried == 65_792
    assert round((sizes['all'] - sizes['head']) / 1e6 + carried / 1e6 + 582.401, 2) == pytest.approx(592.638, abs=0.01)

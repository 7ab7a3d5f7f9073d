"""The published pose-only model: seeded weights, given inputs, its numbers."""

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
    with np.load(shared / 'golden' / 'model_pose.npz') as file:
        return dict(file)


@pytest.fixture(scope='module')
def published(shared: Path) -> dict[str, torch.Tensor]:
    return published_weights(shared, 'pose')


@pytest.fixture(scope='module')
def model(shared: Path, published: dict[str, torch.Tensor]) -> UniSign:
    language_model = str(shared / 'golden' / 'mt5-tiny')
    head = dict(type='MT5GenerationHead', language_model=language_model, pretrained=False)
    model = MODELS.build(dict(type='UniSign', pose_encoder=dict(type='PartGCNEncoder'), head=head, padding='replicate'))
    model.load_state_dict(from_official(published), strict=True)
    return model.eval()


@pytest.fixture(scope='module')
def batch(golden: dict[str, np.ndarray]) -> tuple[dict, list[SignDataSample]]:
    parts = {name: torch.from_numpy(golden[f'part_{name}']) for name in PARTS}
    mask = torch.arange(max(LENGTHS)) < torch.tensor(LENGTHS)[:, None]
    samples = [SignDataSample(metainfo=dict(clip_id=text, task='slt', lang='zh'), gt_text=text) for text in TEXTS]
    return dict(parts=parts, mask=mask), samples


@torch.no_grad()
def test_inputs_of_the_language_model(model, batch, golden) -> None:
    inputs, samples = batch
    embeddings, mask = model.head.input_embeddings(model(inputs), inputs['mask'], samples)
    assert np.array_equal(mask.numpy(), golden['attention_mask'])
    assert np.abs(embeddings.numpy() - golden['inputs_embeds']).max() < 1e-4


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
    language_model = model.head.language_model
    assert language_model.lm_head.weight is not language_model.shared.weight
    assert torch.equal(language_model.lm_head.weight, published['mt5_model.lm_head.weight'])
    assert torch.equal(language_model.shared.weight, published['mt5_model.shared.weight'])

"""What the benchmarks compare with is right, and so is worth the comparison: the published numbers come out of it."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from unisign.checkpoints import to_official
from unisign.models import UniSign
from unisign.models.language_models import load_language_model
from unisign.registry import MODELS
from unisign.structures import PARTS, SignDataSample

TEXTS = ('今天我想吃面条。', '他今年四岁。', '你们好！')
LENGTHS = (37, 52, 20)


@pytest.fixture
def benchmarks(repo: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = repo / 'tools' / 'benchmarks'
    monkeypatch.syspath_prepend(str(folder))
    for name in ('baseline', 'sizes', 'side_by_side'):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return folder


@pytest.fixture
def published_weights(repo: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(repo / 'tests' / 'test_models'))
    from published_weights import published_weights

    return published_weights


@torch.no_grad()
def test_published_numbers(benchmarks, published_weights, shared: Path) -> None:
    from baseline.model import BaselineModel
    from sizes import Batch, baseline_arguments

    with np.load(shared / 'golden' / 'model_pose.npz') as file:
        golden = dict(file)
    folder = shared / 'golden' / 'mt5-tiny'
    model = BaselineModel(load_language_model(str(folder), pretrained=False)).eval()
    model.load_state_dict(published_weights(shared, 'pose'), strict=True)
    mask = torch.arange(max(LENGTHS)) < torch.tensor(LENGTHS)[:, None]
    last = torch.tensor(LENGTHS)[:, None] - 1
    source = torch.arange(max(LENGTHS)).minimum(last)  # each clip's last frame goes on
    parts = {name: torch.from_numpy(golden[f'part_{name}'])[torch.arange(3)[:, None], source] for name in PARTS}
    samples = [SignDataSample(metainfo=dict(clip_id=text, task='slt', lang='zh'), gt_text=text) for text in TEXTS]
    arguments = baseline_arguments(folder, Batch(parts, mask, samples))

    assert model.loss(*arguments).item() == pytest.approx(float(golden['loss']), abs=1e-4)
    assert np.abs(model.inputs(*arguments[:3])[0].numpy() - golden['inputs_embeds']).max() < 1e-4
    written = model.evaluate(*arguments, num_beams=4, max_new_tokens=12)
    assert np.array_equal(written.numpy(), golden['generated'])


def test_losses_and_gradients_are_the_librarys(benchmarks, tmp_path: Path, tiny_language_model: Path) -> None:
    from baseline.model import BaselineModel
    from sizes import baseline_arguments, copy_weights, make_batch

    (tmp_path / 'words.txt').write_text('hello\nyou\ngood\nmorning')
    batch = make_batch(tmp_path, clips=2, frames=6, words=(1, 3))
    head = dict(type='MT5GenerationHead', language_model=str(tiny_language_model), pretrained=False, dropout=0.0)
    encoder = dict(type='PartGCNEncoder', out_channels=24)
    ours: UniSign = MODELS.build(dict(type='UniSign', pose_encoder=encoder, head=head)).eval()
    baseline = BaselineModel(load_language_model(str(tiny_language_model), pretrained=False, dropout=0.0)).eval()
    copy_weights(ours, baseline)
    losses = (
        ours(batch.inputs(), batch.samples, mode='loss')['loss'],
        baseline.loss(*baseline_arguments(tiny_language_model, batch)),
    )
    assert losses[0].item() == pytest.approx(losses[1].item(), abs=1e-5)
    for loss in losses:
        loss.backward()
    pairs = (
        (ours.head.language_model.lm_head.weight, baseline.mt5_model.lm_head.weight),
        (ours.head.language_model.shared.weight, baseline.mt5_model.shared.weight),
        (ours.pose_encoder.embeddings['hand'].weight, baseline.proj_linear['right'].weight),
        (ours.pose_encoder.spatial_networks['hand'][1].adjacency, baseline.gcn_modules['right'][1].gcn.A),
    )
    for mine, other in pairs:
        assert other.grad.any()
        assert (mine.grad - other.grad).abs().max() < 1e-4 * other.grad.abs().max()


def test_loss_and_gradients_with_pictures_are_the_librarys(
    benchmarks, tmp_path: Path, tiny_language_model: Path
) -> None:
    from baseline.model import BaselineModel
    from baseline.rgb_encoder import RGBEncoder
    from sizes import FUSION, RGB_ENCODER, add_hands, baseline_arguments, make_batch

    (tmp_path / 'words.txt').write_text('hello\nyou\ngood\nmorning')
    batch = add_hands(make_batch(tmp_path, clips=2, frames=12, words=(1, 3)))
    head = dict(type='MT5GenerationHead', language_model=str(tiny_language_model), pretrained=False, dropout=0.0)
    encoder = dict(type='PartGCNEncoder', out_channels=24)
    parts = dict(pose_encoder=encoder, rgb_encoder=RGB_ENCODER, fusion=FUSION)
    ours: UniSign = MODELS.build(dict(type='UniSign', head=head, **parts)).eval()
    model = load_language_model(str(tiny_language_model), pretrained=False, dropout=0.0)
    baseline = BaselineModel(model, rgb_encoder=RGBEncoder(), fusion=ours.fusion).eval()
    baseline.rgb_encoder.load_state_dict(ours.rgb_encoder.state_dict())
    poses = {name: w for name, w in ours.state_dict().items() if not name.startswith(('rgb_encoder', 'fusion'))}
    lacking = baseline.load_state_dict(to_official(poses), strict=False)
    assert not lacking.unexpected_keys
    assert all(name.startswith(('rgb_encoder', 'fusion')) for name in lacking.missing_keys)
    first = 'features.0.0.weight'
    with torch.no_grad():
        ours.fusion.gate.layers[2].weight.normal_(std=0.3)  # at 0 nothing would reach the first layer
    losses = (
        ours(batch.inputs(), batch.samples, mode='loss')['loss'],
        baseline.loss(*baseline_arguments(tiny_language_model, batch), hands=batch.hands),
    )
    assert losses[0].item() == pytest.approx(losses[1].item(), abs=1e-5)
    weights = (
        [ours.fusion.gate.layers[0].weight, encoder.projection.weight, encoder.backbone.get_parameter(first)]
        for encoder in (ours.rgb_encoder, baseline.rgb_encoder)
    )
    found, expected = map(torch.autograd.grad, losses, weights)
    for mine, other in zip(found, expected, strict=True):
        assert other.any()
        assert (mine - other).abs().max() < 1e-4 * other.abs().max()

"""A hundred steps of stage 2 on the toy corpus: everything that belongs to the pictures learns."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from unisign.engine import SignRunner

pytestmark = pytest.mark.slow
CONFIG = Path(__file__).resolve().parents[2] / 'configs/toy/stage2_toy.py'
STEPS = 100


@pytest.fixture(scope='module')
def trained(toy_tiny_videos, tmp_path_factory):
    """Return the runner after 100 steps; its corpus holds 32 sentences, 8 steps an epoch."""
    config = Config.fromfile(CONFIG)
    config.merge_from_dict({
        'model.head.language_model': str(toy_tiny_videos / 'language_model'),
        'load_from': None,
        'train_cfg': dict(max_epochs=-(-STEPS // 8), val_interval=STEPS),
        'default_hooks.checkpoint.save_best': None,
        'work_dir': str(tmp_path_factory.mktemp('stage2')),
        'launcher': 'none',
    })  # fmt: skip
    for split in ('train', 'val', 'test'):
        loader = config[f'{split}_dataloader']
        loader.dataset.data_root = str(toy_tiny_videos)
        loader.batch_size, loader.num_workers, loader.persistent_workers = 4, 0, False
    runner = SignRunner.from_cfg(config)
    runner.train()
    assert runner.iter >= STEPS
    return runner


@pytest.fixture(scope='module')
def batch(trained):
    loader = trained.train_dataloader
    return trained.model.data_preprocessor(next(iter(loader)), training=True)


def test_gate_fusion_and_encoder_have_gradients(trained, batch):
    model = trained.model.train()
    model.zero_grad()
    model(**batch_of(batch), mode='loss')['loss'].backward()
    parts = dict(gate=model.fusion.gate, fusion=model.fusion, encoder=model.rgb_encoder)
    for name, part in parts.items():
        weights = dict(part.named_parameters())
        still = [tensor for tensor, weight in weights.items() if weight.grad is None or not weight.grad.any()]
        assert weights
        assert not still, f'{name}: no gradient reaches {still}'
    assert len(list(model.fusion.gate.parameters())) == 4


def test_the_gate_differs_between_keypoints(trained, batch):
    model = trained.model.eval()
    inputs = batch_of(batch)['inputs']
    with torch.no_grad():
        features = model.pose_encoder.spatial(inputs['parts'], inputs['mask'])
        crops = {side: model.rgb_encoder(hand['images']) for side, hand in inputs['hands'].items()}
        explained = model.fusion.explain(features, inputs['hands'], crops)
    gates = torch.cat([side.gate for side in explained.values()])
    assert gates.shape[1] == 21
    assert len(gates) > 4
    assert (gates.std(dim=1) > 1e-4).all()


def batch_of(batch):
    return dict(inputs=batch['inputs'], data_samples=batch['data_samples'])

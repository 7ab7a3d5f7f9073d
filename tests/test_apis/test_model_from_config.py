from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config

from unisign.apis import init_model, translate_poses
from unisign.stores import write_npz
from unisign.structures import ClipError, DataError, Poses

CONFIG = """
model = dict(
    type='UniSign',
    pose_encoder=dict(
        type='PartGCNEncoder', embed_channels=4, spatial_channels=(4,), temporal_channels=(4,), out_channels=24
    ),
    head=dict(
        type='MT5GenerationHead',
        language_model={language_model!r},
        pretrained={pretrained},
        generation=dict(max_new_tokens=4),
        vocabularies=dict(islr=['hello', 'help', 'good night']),
    ),
)
test_dataloader = dict(
    dataset=dict(
        type='SignDataset',
        task='islr',
        lang='en',
        pipeline=[
            dict(type='LoadPoses'),
            dict(type='SampleFrames', sampler=dict(type='EvenFrameSampler'), max_frames=8),
            dict(type='NormalizeParts'),
            dict(type='PackSignInputs'),
        ],
    )
)
"""


@pytest.fixture
def config(tmp_path: Path, tiny_language_model: Path) -> Path:
    path = tmp_path / 'config.py'
    path.write_text(CONFIG.format(language_model=str(tiny_language_model), pretrained=False))
    return path


def make_poses(frames: int, seed: int = 0) -> Poses:
    rng = np.random.default_rng(seed)
    keypoints = rng.random((frames, 133, 2)).astype(np.float32)
    return Poses(keypoints, np.ones((frames, 133), dtype=np.float32))


def test_from_a_path_and_from_a_config(config: Path) -> None:
    model = init_model(str(config), device='cpu')
    assert not model.training and model.cfg.model.type == 'UniSign'
    assert init_model(Config.fromfile(config)).head.vocabularies.keys() == model.head.vocabularies.keys()


def test_checkpoint_takes_the_place_of_pretrained_weights(config: Path, tmp_path: Path, tiny_language_model) -> None:
    model = init_model(config)
    torch.save({'state_dict': model.state_dict()}, tmp_path / 'weights.pth')
    config.write_text(CONFIG.format(language_model=str(tiny_language_model), pretrained=True))
    again = init_model(config, tmp_path / 'weights.pth')
    for name, value in model.state_dict().items():
        assert torch.equal(value, again.state_dict()[name])
    assert again.cfg.model.head.pretrained is True


def test_poses_and_files_of_any_kind(config: Path, tmp_path: Path) -> None:
    model = init_model(config, device='cpu')
    clips = [make_poses(5), make_poses(20, seed=1), make_poses(3, seed=2)]
    write_npz(tmp_path / 'clip.npz', clips[1])
    samples = translate_poses(model, [clips[0], str(tmp_path / 'clip.npz'), clips[2]], batch_size=2)
    assert [sample.num_frames for sample in samples] == [5, 8, 3]
    for clip, sample in zip(clips, samples, strict=True):
        assert sample.pred_text in ('hello', 'help', 'good night')
        assert sum(p for _, p in sample.nbest) == pytest.approx(1, abs=1e-5)
        assert translate_poses(model, clip).pred_score == pytest.approx(sample.pred_score, abs=1e-5)
    assert translate_poses(model, [], task='slt') == []
    free = translate_poses(model, clips[0], task='slt', lang='zh')
    assert len(free.nbest) == 4 and free.lang == 'zh'


def test_mistakes(config: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match='uni-sign-large: is no config in configs'):
        init_model('uni-sign-large')
    with pytest.raises(DataError, match='no such config'):
        init_model(tmp_path / 'none.py')
    with pytest.raises(DataError, match='has no model'):
        init_model(Config(dict(a=1)))
    with pytest.raises(DataError, match=r'none\.pth: no such file'):
        init_model(config, tmp_path / 'none.pth')
    model = init_model(config, device='cpu')
    with pytest.raises(ClipError, match=r'gone\.npz'):
        translate_poses(model, 'gone.npz')
    pixels = Poses(make_poses(4).keypoints * 500, np.ones((4, 133), dtype=np.float32))
    with pytest.raises(ClipError, match='pixel'):
        translate_poses(model, pixels)
    model.cfg.test_dataloader.dataset.lang = None
    with pytest.raises(DataError, match='lang is not given'):
        translate_poses(model, make_poses(3))
    model.cfg.test_dataloader = None
    with pytest.raises(DataError, match='init_model'):
        translate_poses(model, make_poses(3), task='slt', lang='en')

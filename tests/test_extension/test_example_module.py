"""A user's own sampler, transform, backbone and head, registered from a file through ``custom_imports``."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from mmengine.config import Config

from unisign.registry import FRAME_SAMPLERS, MODELS, TRANSFORMS
from unisign.structures import PARTS, Poses, SignDataSample


@pytest.fixture
def config(repo, monkeypatch):
    """The example's config; reading it imports the user's file."""
    monkeypatch.syspath_prepend(str(repo / 'projects' / 'example_module'))
    return Config.fromfile(repo / 'projects' / 'example_module' / 'stage3_toy-islr_example.py')


def test_the_sampler_takes_the_middle(config):
    sampler = FRAME_SAMPLERS.build(config.pipeline[1]['sampler'])
    rng = np.random.default_rng(0)
    assert sampler(10, 4, rng).tolist() == [3, 4, 5, 6]
    assert sampler(3, 4, rng).tolist() == [0, 1, 2]


def test_the_transform_hides_the_face_only(config):
    poses = Poses(np.ones((2, 133, 2), np.float32), np.ones((2, 133), np.float32))
    hide = TRANSFORMS.build(dict(type='HideFace', share=1.0))
    results = hide(dict(poses=poses, rng=np.random.default_rng(0), test_mode=False))
    assert results['poses'].scores.sum(axis=1).tolist() == [133 - 68] * 2
    assert poses.scores.min() == 1  # the clip that came in is as it was


def test_backbone_and_head_work_inside_unisign(config, tmp_path):
    labels = tmp_path / 'labels.txt'
    labels.write_text('book\nfriend\ntea\n')
    config.model.head.labels = str(labels)
    model = MODELS.build(config.model).eval()
    assert type(model.pose_encoder).__name__ == 'FrameConvEncoder'
    mask = torch.arange(8) < torch.tensor([[8], [5]])
    parts = {name: torch.randn(2, 8, len(part), 3) for name, part in PARTS.items()}
    samples = [SignDataSample(gt_text=text) for text in ('tea', 'book')]
    assert model(dict(parts=parts, mask=mask), samples, mode='loss')['loss'] > 0
    together = model(dict(parts=parts, mask=mask), samples, mode='predict')
    alone = {name: values[1:, :5] for name, values in parts.items()}
    (single,) = model(dict(parts=alone, mask=mask[1:, :5]), [SignDataSample()], mode='predict')
    assert single.pred_text == together[1].pred_text == together[1].nbest[0][0]
    assert single.pred_score == pytest.approx(together[1].pred_score, abs=1e-6)
    assert sum(score for _, score in single.nbest) == pytest.approx(1, abs=1e-6)


@pytest.mark.slow
def test_the_example_trains_and_tests_by_the_usual_commands(repo, toy_tiny, tmp_path):
    config = 'projects/example_module/stage3_toy-islr_example.py'
    options = [
        '--cfg-options',
        *(f'{split}_dataloader.dataset.data_root={toy_tiny}' for split in ('train', 'val', 'test')),
        *(f'{split}_dataloader.num_workers=0' for split in ('train', 'val', 'test')),
        *(f'{split}_dataloader.persistent_workers=False' for split in ('train', 'val')),
        f'model.head.labels={toy_tiny / "labels_islr.txt"}',
        'param_scheduler.warmup_steps=0',  # two steps have no room for it
    ]
    environment = os.environ | {'PYTHONPATH': str(repo / 'projects' / 'example_module')}

    def run(*command):
        done = subprocess.run(
            [sys.executable, *command], cwd=repo, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]

    work_dir, predictions = str(tmp_path / 'work_dir'), tmp_path / 'predictions.jsonl'
    run(
        'tools/train.py', config, '--work-dir', work_dir, *options, 'train_cfg.max_epochs=1', 'train_cfg.val_interval=1'
    )
    checkpoint = f'{work_dir}/checkpoints/epoch_1.pth'
    weights = torch.load(checkpoint, weights_only=True)['state_dict']
    assert 'pose_encoder.convolutions.0.weight' in weights and 'head.classifier.weight' in weights
    run('tools/test.py', config, checkpoint, '--work-dir', work_dir, '--out', str(predictions), *options)

    annotations = (toy_tiny / 'annotations' / 'islr_test.jsonl').read_text(encoding='utf-8').splitlines()
    answers = [json.loads(line) for line in predictions.read_text(encoding='utf-8').splitlines()]
    assert sorted(answer['id'] for answer in answers) == sorted(json.loads(line)['id'] for line in annotations)
    labels = (toy_tiny / 'labels_islr.txt').read_text(encoding='utf-8').splitlines()
    assert {answer['pred'] for answer in answers} <= set(labels)

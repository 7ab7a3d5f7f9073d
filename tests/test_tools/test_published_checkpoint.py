"""A published checkpoint in the place of ours: testing, and as a start of training."""

import json

import pytest
import torch
from safetensors.torch import save_file
from small_run import SMALL

from unisign.apis import init_model
from unisign.checkpoints import to_official
from unisign.engine.launch import build_runner, prepare_config, run_test


@pytest.fixture
def config(toy_tiny, repo, tmp_path, monkeypatch):
    (tmp_path / 'data').mkdir()
    (tmp_path / 'data/toy').symlink_to(toy_tiny)
    monkeypatch.chdir(tmp_path)
    return lambda: prepare_config(repo / 'configs/toy/stage3_toy-islr_pose.py', 'work', SMALL)


def test_it_can_be_given_directly(config, tmp_path):
    ours = init_model(config(), device='cpu').state_dict()
    published = {name: value.clone().contiguous() for name, value in to_official(ours).items()}
    torch.save({'state_dict': ours}, 'ours.pth')
    torch.save({'model': published}, 'published.pth')
    save_file(published, 'published.safetensors')
    answers = []
    for name in ('ours.pth', 'published.pth', 'published.safetensors'):
        run_test(config(), name, f'{name}.jsonl')
        answers.append(sorted((tmp_path / f'{name}.jsonl').read_text().splitlines()))
    assert answers[0] == answers[1] == answers[2]
    assert json.loads(answers[0][0])['pred']
    cfg = config()
    cfg.load_from = 'published.pth'
    runner = build_runner(cfg)
    runner.load_or_resume()
    assert all(torch.equal(value, ours[name]) for name, value in runner.model.state_dict().items())

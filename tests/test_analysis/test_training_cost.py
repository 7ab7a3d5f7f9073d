"""Operations counted by formula and by PyTorch's counter, and GPU-hours by hand."""

import subprocess
import sys

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import MT5Config, MT5ForConditionalGeneration

from unisign.analysis.training_cost import (
    ClipFlops,
    clip_flops,
    cost,
    language_model_flops,
    pose_encoder_flops,
    training_flops,
)
from unisign.models.backbones.graph_block import GraphBlock
from unisign.registry import MODELS
from unisign.structures import PARTS

ENCODER = dict(
    type='PartGCNEncoder', embed_channels=8, spatial_channels=(8, 16), temporal_channels=(16, 24), out_channels=32
)


def counted(module, *inputs, **named):
    with FlopCounterMode(display=False) as counter:
        module(*inputs, **named)
    return counter.get_total_flops()


def test_the_pose_encoder_by_formula_and_by_counter(monkeypatch):
    # The counter does not know the products that ``lean_steps`` adds up in place.
    monkeypatch.setattr(GraphBlock, '_is_plain', lambda *args: False)
    encoder = MODELS.build(dict(ENCODER)).eval()
    parts = {name: torch.zeros(1, 40, len(part), 3) for name, part in PARTS.items()}
    count = counted(encoder, parts, torch.ones(1, 40, dtype=torch.bool))
    # The counter also sees the few frames of padding at a clip's ends that the temporal convolution takes in.
    assert 40 * pose_encoder_flops(ENCODER, 32) == pytest.approx(count, rel=0.1)
    assert 40 * pose_encoder_flops(ENCODER, 32) <= count


def test_the_language_model_by_formula_and_by_counter():
    config = MT5Config(vocab_size=300, d_model=32, d_kv=8, d_ff=48, num_layers=2, num_decoder_layers=3, num_heads=6)
    model = MT5ForConditionalGeneration(config).eval()
    count = counted(model, inputs_embeds=torch.zeros(1, 37, 32), decoder_input_ids=torch.zeros(1, 11, dtype=torch.long))
    assert language_model_flops(config, 37, 11) == count


def test_published_sizes_are_counted_without_network(repo):
    model = dict(pose_encoder=dict(type='PartGCNEncoder'), head=dict(language_model='google/mt5-base'))
    pose = clip_flops(model, 256, 50, 12)
    assert pose.rgb_encoder == 0
    # Twice mT5-base's encoder weights (85 M without embeddings) for each of the 268 tokens read, and more.
    assert 2 * 85e6 * 268 < pose.language_model < 4 * 85e6 * 268
    assert clip_flops(model, 128, 50, 12).pose_encoder == pose.pose_encoder / 2
    with_pictures = clip_flops(
        model | dict(rgb_encoder=dict(type='HandCropEncoder', backbone=dict(type='SmallConvNet'))), 256, 50, 12
    )
    assert with_pictures.rgb_encoder > 0


def test_the_backward_pass_costs_two_forward_passes_and_a_repetition_one_more():
    flops = ClipFlops(pose_encoder=1.0, rgb_encoder=10.0, language_model=100.0)
    model = dict(pose_encoder=dict(), rgb_encoder=dict(with_cp=True), head=dict())
    assert training_flops(flops, model) == 3 + 40 + 300
    model = dict(pose_encoder=dict(with_cp=True), head=dict(gradient_checkpointing=True))
    assert training_flops(flops, model) == 4 + 30 + 400


def test_hours_by_hand():
    total = cost(clips=7200, flops_a_clip=5.0, clips_per_second=2.0, gpus=4, efficiency=0.5)
    assert (total.flops, total.gpu_hours, total.hours) == (36000.0, 2.0, 0.5)


def test_the_command_takes_a_measured_rate_and_epochs_from_the_config(repo):
    command = [sys.executable, 'tools/analysis/training_cost.py', 'configs/unisign/stage1_csl-news_pose.py']
    command += ['--hours', '1', '--clip-seconds', '10', '--gpus', '2', '--clips-per-second', '10']
    done = subprocess.run(command, cwd=repo, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    # 360 clips, 20 epochs, 10 a second: 720 s of one GPU.
    row = done.stdout.splitlines()[-1].split()
    assert row[:2] == ['stage1_csl-news_pose', '20']
    assert row[-2:] == ['0.2', '0.1']
    assert '360 clips of 250 frames' in done.stdout

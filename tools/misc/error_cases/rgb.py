"""RGB-pose models whose parts are missing or do not fit together."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import torch

from error_cases.bench import Bench, Row
from error_cases.videos import RGB_PIPELINE, rgb_pipeline, sound_clip
from unisign.registry import MODELS

GROUP = 'RGB-pose model'
ABSENT = {'mmpretrain': None}  # even where it is installed


def rows(bench: Bench) -> Iterator[Row]:
    """Yield the cases."""
    for wrong, path in _weights(bench).items():
        yield _row(bench, wrong, backbone=dict(type='EfficientNet', weights=str(path)))
    with mock.patch.dict(sys.modules, ABSENT):
        yield _row(
            bench,
            'A backbone of an OpenMMLab library that is not installed',
            backbone=dict(type='mmpretrain.ResNet', depth=18),
        )
    small = dict(type='SmallConvNet', channels=(4, 8))
    yield _row(bench, 'A backbone without a type', backbone='EfficientNet')
    yield _row(bench, 'More `frozen_stages` than the backbone has', frozen_stages=2)
    yield _row(bench, 'A `grid` without cells', backbone=dict(small, grid=0))
    yield _row(bench, 'Another width of the encoder than of the pose features', out_channels=6)
    yield _row(bench, 'Another width of the fusion than of the pose features', fusion=dict(channels=8))
    yield _row(bench, 'Heads that do not divide the channels', fusion=dict(num_heads=3))
    yield _row(bench, 'A gate that is closed and would never learn', fusion=dict(gate_bias=0.0))
    yield _row(bench, 'A fusion without an encoder', rgb_encoder=None)
    yield from _pipelines(bench)


def _row(bench: Bench, wrong: str, fusion: dict[str, Any] | None = None, **encoder: Any) -> Row:
    """Train with a small RGB branch that has these changes."""
    small = dict(type='SmallConvNet', channels=(4, 8))
    branch: dict[str, Any] = dict(
        rgb_encoder=dict(type='HandCropEncoder', backbone=small, out_channels=4) | encoder,
        fusion=dict(type='PriorGuidedFusion', channels=4, num_heads=2) | (fusion or {}),
    )
    if 'rgb_encoder' in encoder:
        branch['rgb_encoder'] = encoder['rgb_encoder']
    attempt = bench.train({f'model.{name}': part for name, part in branch.items()})
    return Row(GROUP, wrong, attempt.message, attempt.outcome)


def _weights(bench: Bench) -> dict[str, Path]:
    """Return weights files by what is wrong with them."""
    state = MODELS.build(dict(type='EfficientNet')).state_dict()
    first = next(iter(state))

    def saved(name: str, content: Any) -> Path:
        torch.save(content, bench.write(f'weights/{name}'))
        return bench.folder / 'weights' / name

    whole = saved('b0.pth', state).read_bytes()
    return {
        "torchvision's weights file is missing": bench.folder / 'weights/efficientnet-b0.pth',
        '.. is cut off': bench.write('weights/cut.pth', whole[: len(whole) // 2]),
        '.. wants to run code': saved('code.pth', state | {'hooks': bench.code()}),
        '.. holds no weights': saved('log.pth', {'epoch': 3, 'accuracy': 0.8}),
        '.. has weights of other shapes': saved('shapes.pth', state | {first: torch.zeros(40, 3, 3, 3)}),
        '.. has weights of another network': saved('resnet.pth', {'conv1.weight': torch.zeros(64, 3, 7, 7)}),
        '.. holds NaN': saved('nan.pth', state | {first: torch.full_like(state[first], float('nan'))}),
    }


def _pipelines(bench: Bench) -> Iterator[Row]:
    path = bench.write_clips('one_video.jsonl', [sound_clip(bench)])
    pipelines = {
        'A `ratio` that is no share of the frames': rgb_pipeline(SampleHandFrames=dict(ratio=10)),
        'A misspelt `missing_video`': rgb_pipeline(LoadHandCrops=dict(missing_video='ignore')),
        'Boxes without extent (`scale`)': rgb_pipeline(LoadHandCrops=dict(scale=0)),
        '`LoadHandCrops` without `SampleHandFrames`': [
            dict(type=name) for name in RGB_PIPELINE if name != 'SampleHandFrames'
        ],
    }
    dataset = 'train_dataloader.dataset'
    for wrong, pipeline in pipelines.items():
        attempt = bench.train({f'{dataset}.ann_file': str(path), f'{dataset}.pipeline': pipeline})
        yield Row(GROUP, wrong, attempt.message, attempt.outcome)

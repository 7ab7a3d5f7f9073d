"""A small pose-only model with all three ways of answering, exported once for all workers."""

import runpy
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from filelock import FileLock

# Part of the width of the toy configs' encoder: exporting takes a second a block.
SMALL = {
    'model.pose_encoder.embed_channels': 4,
    'model.pose_encoder.spatial_channels': [4, 6],
    'model.pose_encoder.temporal_channels': [6, 8],
    'model.head.generation.max_new_tokens': 8,
    'test_dataloader.num_workers': 0,
    'test_dataloader.batch_size': 5,
}
CLIPS = [f'poses.lmdb#{kind}-test-0000{i}' for kind in ('sign', 'sentence') for i in range(4)]


@dataclass
class Exported:
    """A config with its checkpoint, and their exports."""

    config: Path
    checkpoint: Path
    options: dict[str, Any]
    float32: Path
    int8: Path

    @property
    def arguments(self) -> list[str]:
        """The options on a command line."""
        return ['--cfg-options', *(f'{key}={value}'.replace(' ', '') for key, value in self.options.items())]


@pytest.fixture(scope='session')
def run_tool(repo: Path):
    """A function that runs a script of the checkout and returns its exit code."""

    def run(script: str, *arguments: object) -> object:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, 'argv', [script, *map(str, arguments)])
            with pytest.raises(SystemExit) as stop:
                runpy.run_path(str(repo / script), run_name='__main__')
        return stop.value.code

    return run


@pytest.fixture(scope='session')
def exported(request, tmp_path_factory, toy_tiny: Path, repo: Path, run_tool) -> Exported:
    pytest.importorskip('onnxruntime', reason='the onnx extra is not installed')
    pytest.importorskip('onnxscript', reason='the onnx extra is not installed')
    root = tmp_path_factory.getbasetemp()
    root = (root.parent if hasattr(request.config, 'workerinput') else root) / 'exported'
    options = {
        **SMALL,
        'model.head.language_model': str(toy_tiny / 'language_model'),
        'model.head.vocabularies.islr': str(toy_tiny / 'labels_islr.txt'),
        'model.head.vocabularies.cslr': str(toy_tiny / 'glosses.txt'),
        'test_dataloader.dataset.data_root': str(toy_tiny),
    }
    config = repo / 'configs/toy/stage3_toy-islr_pose.py'
    made = Exported(config, root / 'model.pth', options, root / 'float32', root / 'float32_int8')
    root.mkdir(exist_ok=True)
    with FileLock(root / 'lock'):
        if not (root / 'done').exists():
            _export(made, run_tool)
            (root / 'done').touch()
    return made


def _export(made: Exported, run_tool) -> None:
    from unisign.apis import init_model
    from unisign.engine.launch import prepare_config

    torch.manual_seed(0)
    model = init_model(prepare_config(made.config, options=made.options), device='cpu')
    _tell_clips_apart(model, [f'{made.options["test_dataloader.dataset.data_root"]}/{name}' for name in CLIPS])
    torch.save({'state_dict': model.state_dict()}, made.checkpoint)
    arguments = (made.config, made.checkpoint, '--out', made.float32, '--int8', *made.arguments)
    assert run_tool('tools/deployment/export_onnx.py', *arguments) == 0


@pytest.fixture(scope='session')
def torch_model(exported):
    """The model that was exported."""
    from unisign.apis import init_model
    from unisign.engine.launch import prepare_config

    return init_model(prepare_config(exported.config, options=exported.options), exported.checkpoint, 'cpu')


@pytest.fixture(scope='session')
def onnx_model(exported):
    """The exported model."""
    from unisign.deployment import OnnxSignModel

    return OnnxSignModel(str(exported.float32))


@torch.no_grad()
def _tell_clips_apart(model, clips: list[str]) -> None:
    """Give the features of clips a mean of 0 and a deviation of 3: random weights would say the same of all clips."""
    from unisign.apis.clip_pipeline import ClipPipeline
    from unisign.datasets.collate import sign_collate

    pipeline = ClipPipeline(model, lang='en')
    batch = sign_collate([pipeline.prepare(pipeline.describe(clip, clip)).packed for clip in clips])
    features, projection = model.extract_feat(batch['inputs'])[batch['inputs']['mask']], model.pose_encoder.projection
    mean, std = features.mean(dim=0), features.std(dim=0) / 3
    projection.weight.div_(std[:, None])
    projection.bias.copy_((projection.bias - mean) / std)


@pytest.fixture(scope='session')
def clips(toy_tiny: Path) -> list[str]:
    return [f'{toy_tiny}/{name}' for name in CLIPS]

"""Pictures of the fusion in TensorBoard: for RGB-pose models always of the same clips; nothing for pose-only ones."""

import json
import logging
from pathlib import Path
from types import SimpleNamespace

import pytest
from mmengine.config import Config
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from unisign.engine import SignRunner
from unisign.engine.hooks import FusionVisualizationHook
from unisign.visualization import SignVisualizer

CONFIGS = Path(__file__).resolve().parents[2] / 'configs/toy'


@pytest.fixture(scope='module')
def short_dev(toy_tiny_videos, tmp_path_factory):
    """Annotations of four dev clips, the first without a video."""
    folder = toy_tiny_videos / 'annotations'
    lines = [json.loads(line) for line in (folder / 'pretrain_dev.jsonl').read_text('utf-8').splitlines()[:4]]
    lines[0]['video'] = 'gone.mp4'
    for line in lines:
        line['poses'] = str(folder / line['poses'])
        line['video'] = str(folder / line['video'])
    path = tmp_path_factory.mktemp('dev') / 'dev.jsonl'
    path.write_text('\n'.join(map(json.dumps, lines)), 'utf-8')
    return path


def validated(config_name, short_dev, corpus, work_dir, times=1):
    """Return a runner that has validated an untrained model, by nothing but a config of ours."""
    config = Config.fromfile(CONFIGS / config_name)
    config.merge_from_dict({
        'model.head.language_model': str(corpus / 'language_model'),
        'model.head.generation': dict(num_beams=1, max_new_tokens=2),
        'load_from': None,
        'work_dir': str(work_dir),
        'experiment_name': f'{work_dir.name}_pictures',
        'launcher': 'none',
    })  # fmt: skip
    loader = config.val_dataloader
    loader.batch_size, loader.num_workers, loader.persistent_workers = 4, 0, False
    loader.dataset.update(ann_file=str(short_dev), data_root=str(corpus), max_failed_share=0.5)
    runner = SignRunner.from_cfg(config)
    for _ in range(times):
        runner.val()
    runner.visualizer.close()
    return runner


def pictures(work_dir):
    """Return the steps of each image in the TensorBoard files below a folder."""
    found = {}
    for path in work_dir.rglob('events.out.tfevents*'):
        events = EventAccumulator(str(path), size_guidance={'images': 0}).Reload()
        for tag in events.Tags()['images']:
            found.setdefault(tag, []).extend((image.step, image.width) for image in events.Images(tag))
    return found


@pytest.mark.slow
def test_an_rgb_model_draws_the_same_clips_after_each_validation(short_dev, toy_tiny_videos, tmp_path):
    validated('stage2_toy.py', short_dev, toy_tiny_videos, tmp_path, times=2)
    ids = [json.loads(line)['id'] for line in short_dev.read_text('utf-8').splitlines()]
    found = pictures(tmp_path)
    assert sorted(found) == sorted(f'hands/{clip_id}' for clip_id in (ids[1], ids[3]))  # the next one for ids[0]
    assert all(len(images) == 2 for images in found.values())
    assert all(width > 800 for images in found.values() for _, width in images)


def test_a_pose_only_model_draws_nothing(short_dev, toy_tiny_videos, tmp_path):
    validated('stage1_toy_pose.py', short_dev, toy_tiny_videos, tmp_path)
    assert pictures(tmp_path) == {}


def test_the_interval_counts_validations():
    drawn = []
    visualizer = SignVisualizer()
    visualizer.add_hand_sheet = lambda name, view, step: drawn.append((name, step))
    hook = FusionVisualizationHook(interval=3)
    hook._views = [SimpleNamespace(clip_id='a', packed=None)]  # as after its first call
    model = SimpleNamespace(fusion=1, explain_fusion=1)
    for step in range(7):
        hook.after_val_epoch(SimpleNamespace(model=model, visualizer=visualizer, iter=step))
    assert drawn == [('hands/a', 0), ('hands/a', 3), ('hands/a', 6)]


def test_another_visualizer_gets_a_word_once_and_a_pose_only_model_none(caplog):
    hook = FusionVisualizationHook()
    runner = SimpleNamespace(
        model=SimpleNamespace(fusion=None), visualizer=object(), logger=logging.getLogger('stand_in'), iter=0
    )
    hook.after_val_epoch(runner)
    assert not caplog.records
    runner.model = SimpleNamespace(fusion=1, explain_fusion=1)
    hook.after_val_epoch(runner)
    hook.after_val_epoch(runner)
    assert len(caplog.records) == 1
    assert 'SignVisualizer' in caplog.text

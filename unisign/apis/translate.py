"""``translate_poses``: keypoints in, text out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import torch

from unisign.datasets.collate import sign_collate
from unisign.datasets.sign_dataset import clip_rng
from unisign.models import UniSign
from unisign.registry import TRANSFORMS
from unisign.stores import PoseFiles
from unisign.structures import DataError, Poses, SignDataSample

Clip = Poses | str | Path


@overload
def translate_poses(
    model: UniSign, poses: Clip, task: str | None = None, lang: str | None = None, batch_size: int = 16
) -> SignDataSample: ...
@overload
def translate_poses(
    model: UniSign, poses: Sequence[Clip], task: str | None = None, lang: str | None = None, batch_size: int = 16
) -> list[SignDataSample]: ...
def translate_poses(
    model: UniSign,
    poses: Clip | Sequence[Clip],
    task: str | None = None,
    lang: str | None = None,
    batch_size: int = 16,
) -> SignDataSample | list[SignDataSample]:
    """Say what is signed in clips whose keypoints are known.

    Args:
        model: from ``init_model``; the pipeline is its config's ``test_dataloader.dataset.pipeline``.
        poses: a clip or several: ``Poses``, a pose file (``x.npz``, a published ``x.pkl``) or ``store.lmdb#KEY``.
        task: ``islr``, ``cslr`` or ``slt``; None takes the config's.
        lang: language code of the text, such as ``en``; None takes the config's.
        batch_size: clips that go through the model together.

    Returns:
        For each clip a data sample with ``pred_text``, ``pred_score`` and ``nbest``; one alone for a single clip.

    Raises:
        ClipError: if a clip cannot be read.
        DataError: if neither config nor arguments say task and language, or the config has no test pipeline.
    """
    dataset = _test_dataset(model)
    task, lang = task or dataset.get('task'), lang or dataset.get('lang')
    if not task or not lang:
        missing = 'task' if not task else 'lang'
        raise DataError('translate_poses', f'{missing} is not given, and the config sets none.', f'Pass {missing}=..')
    pipeline = [TRANSFORMS.build(step) for step in dataset['pipeline']]
    clips = [poses] if isinstance(poses, Clip) else list(poses)
    samples: list[SignDataSample] = []
    for first in range(0, len(clips), batch_size):
        batch = [
            _run(pipeline, _describe(clip, first + i, task, lang))
            for i, clip in enumerate(clips[first : first + batch_size])
        ]
        with torch.no_grad():
            samples += model.test_step(sign_collate(batch))
    return samples[0] if isinstance(poses, Clip) else samples


def _test_dataset(model: UniSign) -> dict[str, Any]:
    cfg = getattr(model, 'cfg', None)
    dataset = ((cfg or {}).get('test_dataloader') or {}).get('dataset') or {}
    if not dataset.get('pipeline'):
        raise DataError(
            'model.cfg',
            'has no test_dataloader.dataset.pipeline.',
            'Make the model with init_model(CONFIG, CHECKPOINT).',
        )
    return dataset


@dataclass
class _InMemory:
    """A pose store with one clip."""

    poses: Poses

    def read(self, key: str) -> Poses:
        """Return the clip, checked."""
        return self.poses.validate(key)


def _describe(clip: Clip, number: int, task: str, lang: str) -> dict[str, Any]:
    """Return what a pipeline starts from; see ``SignDataset``."""
    name = f'clip {number}' if isinstance(clip, Poses) else str(clip)
    return {
        'clip_id': name,
        'task': task,
        'lang': lang,
        'text': '',
        'gloss': [],
        'signer': None,
        'video': None,
        'dataset': '',
        'test_mode': True,
        'rng': clip_rng(0, 0, name),
        'pose_store': _InMemory(clip) if isinstance(clip, Poses) else PoseFiles(),
        'pose_key': name,
        'start': None,
        'end': None,
    }


def _run(pipeline: list[Callable[[dict], dict]], results: dict[str, Any]) -> dict[str, Any]:
    for step in pipeline:
        results = step(results)
    return results

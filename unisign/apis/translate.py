"""``translate_poses``: keypoints in, text out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, overload

import torch

from unisign.apis.clip_pipeline import ClipPipeline
from unisign.datasets.collate import sign_collate
from unisign.models import UniSign
from unisign.structures import Poses, SignDataSample

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
    pipeline = ClipPipeline(model, task, lang)
    clips = [poses] if isinstance(poses, Clip) else list(poses)
    samples: list[SignDataSample] = []
    for first in range(0, len(clips), batch_size):
        batch = [
            pipeline.prepare(_describe(pipeline, clip, first + i)).packed
            for i, clip in enumerate(clips[first : first + batch_size])
        ]
        with torch.no_grad():
            samples += model.test_step(sign_collate(batch))
    return samples[0] if isinstance(poses, Clip) else samples


def _describe(pipeline: ClipPipeline, clip: Clip, number: int) -> dict[str, Any]:
    name = f'clip {number}' if isinstance(clip, Poses) else str(clip)
    return pipeline.describe(name, clip if isinstance(clip, Poses) else name)

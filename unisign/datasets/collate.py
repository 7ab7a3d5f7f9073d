"""From samples to a batch."""

from collections.abc import Sequence

import torch
from mmengine.registry import FUNCTIONS as MMENGINE_FUNCTIONS

from unisign.registry import FUNCTIONS
from unisign.structures import PARTS


@MMENGINE_FUNCTIONS.register_module()  # Runner.build_dataloader looks collate functions up in MMEngine's own registry
@FUNCTIONS.register_module()
def sign_collate(samples: Sequence[dict]) -> dict:
    """Return one batch, padded with zero frames at the end of the shorter clips.

    Padding is always zeros: a model that wants the last frame repeated (``padding='replicate'``) does so from the mask.

    Args:
        samples: what ``SignDataset`` gives; those with ``inputs=None`` could not be read.

    Returns:
        ``dict(inputs=dict(parts={name: float32 [B, T, V, 3]}, mask=bool [B, T], True where there is a frame),
        data_samples=[B samples], failed_clips=[samples that could not be read])``. B counts readable clips only; with
        none, the tensors are [0, 0, V, 3] and [0, 0].
    """
    readable = [sample for sample in samples if sample['inputs'] is not None]
    failed = [sample['data_samples'] for sample in samples if sample['inputs'] is None]
    clips = [sample['inputs']['parts'] for sample in readable]
    lengths = [len(next(iter(parts.values()))) for parts in clips]
    longest = max(lengths, default=0)
    points = {name: len(part) for name, part in PARTS.items()}
    if clips:
        points = {name: part.shape[1] for name, part in clips[0].items()}
    batch = {name: torch.zeros(len(clips), longest, count, 3) for name, count in points.items()}
    for i, (parts, length) in enumerate(zip(clips, lengths, strict=True)):
        for name, part in parts.items():
            batch[name][i, :length] = part
    mask = torch.arange(longest) < torch.tensor(lengths, dtype=torch.long)[:, None]
    return {
        'inputs': {'parts': batch, 'mask': mask},
        'data_samples': [sample['data_samples'] for sample in readable],
        'failed_clips': failed,
    }

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
        none, the tensors are [0, 0, V, 3] and [0, 0]. If any clip brings crops of its hands, inputs also has ``hands``,
        see ``collate_hands``.
    """
    readable = [sample for sample in samples if sample['inputs'] is not None]
    failed = [sample['data_samples'] for sample in samples if sample['inputs'] is None]
    clips = [sample['inputs']['parts'] for sample in readable]
    lengths = [len(next(iter(parts.values()))) for parts in clips]
    longest = max(lengths, default=0)
    points = {name: len(part) for name, part in PARTS.items()}
    if clips:
        points = {name: part.shape[1] for name, part in clips[0].items()}
    batch = {name: _pad([parts[name] for parts in clips], longest, count) for name, count in points.items()}
    mask = torch.arange(longest) < torch.tensor(lengths, dtype=torch.long)[:, None]
    inputs = {'parts': batch, 'mask': mask}
    if any('hands' in sample['inputs'] for sample in readable):
        inputs['hands'] = collate_hands([sample['inputs'].get('hands') for sample in readable])
    return {
        'inputs': inputs,
        'data_samples': [sample['data_samples'] for sample in readable],
        'failed_clips': failed,
    }


def _pad(clips: Sequence[torch.Tensor], longest: int, points: int) -> torch.Tensor:
    """Return float32 [B, longest, points, 3] of one part of all clips, each number written once."""
    batch = torch.empty(len(clips), longest, points, 3)
    rows = batch.numpy()  # many small pieces, which PyTorch takes half as long again to address
    for row, clip in zip(rows, clips, strict=True):
        row[: len(clip)] = clip.numpy()
        row[len(clip) :] = 0
    return batch


def collate_hands(clips: Sequence[dict | None]) -> dict[str, dict[str, torch.Tensor]]:
    """Return the crops of all clips one behind the other.

    Args:
        clips: what ``PackSignInputs`` gives as ``hands``; None for a clip without. At least one is not None.

    Returns:
        For ``left`` and ``right`` a dict over all N crops of that hand: images uint8 [N, 3, S, S], keypoints float32
        [N, 21, 2], clip int64 [N] (place in the batch), frame int64 [N] (of the clip). N may be 0.
    """
    with_hands = [(i, hands) for i, hands in enumerate(clips) if hands is not None]
    batch = {}
    for side in with_hands[0][1]:
        hands = [clip[side] for _, clip in with_hands]
        counts = torch.tensor([len(hand['frames']) for hand in hands])
        batch[side] = {
            'images': torch.cat([hand['images'] for hand in hands]),
            'keypoints': torch.cat([hand['keypoints'] for hand in hands]),
            'clip': torch.repeat_interleave(torch.tensor([i for i, _ in with_hands]), counts),
            'frame': torch.cat([hand['frames'] for hand in hands]),
        }
    return batch

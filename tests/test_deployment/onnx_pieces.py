"""Batches and calls that the tests of exports share."""

from collections.abc import Sequence

import torch

from unisign.models.heads.decoder_steps import start_decoding
from unisign.structures import PARTS, SignDataSample


def random_batch(lengths: Sequence[int]) -> dict:
    """Random clips, as collated."""
    mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    shape = (len(lengths), max(lengths))
    parts = {name: (torch.rand(*shape, len(part), 3) * 2 - 1) * mask[..., None, None] for name, part in PARTS.items()}
    return dict(parts=parts, mask=mask)


def samples(task: str, langs: Sequence[str]) -> list[SignDataSample]:
    """What a batch's answers are written into."""
    return [SignDataSample(metainfo=dict(clip_id=f'{i}', task=task, lang=lang)) for i, lang in enumerate(langs)]


@torch.no_grad()
def greedy(model, states, mask, length: int) -> torch.Tensor:
    """The scores [length, V] along a text of fixed tokens."""
    steps = start_decoding(model, states, mask, length)
    found = []
    for i in range(length):
        found.append(steps.logits(steps.read(torch.full((1, 1), i % 50)))[0, 0])
    return torch.stack(found)

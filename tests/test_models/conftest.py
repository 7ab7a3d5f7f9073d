"""Small models and batches for the tests of the model rooms."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from counting_backend import Counting
from settling import settle

from unisign.models import UniSign
from unisign.registry import MODELS
from unisign.structures import PARTS, SignDataSample


@pytest.fixture(scope='session')
def model_config(tiny_language_model: Path) -> Callable[..., dict]:
    """Config of a very small model; arguments change the head."""

    def make(**head) -> dict:
        return dict(
            type='UniSign',
            pose_encoder=dict(
                type='PartGCNEncoder',
                embed_channels=4,
                spatial_channels=(4, 6),
                temporal_channels=(6, 8),
                out_channels=24,
            ),
            head=dict(
                dict(
                    type='MT5GenerationHead',
                    language_model=str(tiny_language_model),
                    pretrained=False,
                    generation=dict(max_new_tokens=6),
                ),
                **head,
            ),
        )

    return make


@pytest.fixture
def tiny_model(model_config) -> UniSign:
    """A very small model in evaluation mode, whose batch norms have seen some data."""
    return settle(MODELS.build(model_config()))


@pytest.fixture
def backend() -> Counting:
    """A backend of ``torch.compile`` that counts, and nothing compiled before."""
    torch.compiler.reset()
    return Counting()


@pytest.fixture
def make_batch() -> Callable[..., tuple[dict, list[SignDataSample]]]:
    """Random clips of the given lengths, as collated."""

    def make(
        lengths: Sequence[int],
        langs: Sequence[str] = ('en', 'zh'),
        task: str = 'slt',
        texts: Sequence[str] = ('hello you',),
    ) -> tuple[dict, list[SignDataSample]]:
        longest = max(lengths, default=0)
        mask = torch.arange(longest) < torch.tensor(lengths, dtype=torch.long)[:, None]
        parts = {
            name: (torch.rand(len(lengths), longest, len(part), 3) * 2 - 1) * mask[..., None, None]
            for name, part in PARTS.items()
        }
        samples = [
            SignDataSample(
                metainfo=dict(clip_id=f'clip{i}', task=task, lang=langs[i % len(langs)], num_frames=length),
                gt_text=texts[i % len(texts)],
            )
            for i, length in enumerate(lengths)
        ]
        return dict(parts=parts, mask=mask), samples

    return make

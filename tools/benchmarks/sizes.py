"""Models and batches of real size for the benchmarks, with random weights: the same for both sides."""

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from baseline.model import IGNORED, BaselineModel
from torch import Tensor

from unisign.checkpoints import to_official
from unisign.models import UniSign
from unisign.models.heads.text_codec import TextCodec
from unisign.models.language_models import DEFAULT_PROMPT, load_language_model, load_tokenizer, make_language_model
from unisign.registry import MODELS
from unisign.structures import PARTS, SignDataSample

VOCABULARY = 250_112  # mT5's
LETTERS = 'abcdefghijklmnopqrstuvwxyz'


@dataclass
class Batch:
    """Clips of one batch.

    Attributes:
        parts: part name -> [B, T, V, 3], each clip's last frame repeated to the end.
        mask: bool [B, T].
        samples: B of them, with their texts.
    """

    parts: dict[str, Tensor]
    mask: Tensor
    samples: list[SignDataSample]

    def inputs(self) -> dict[str, Any]:
        """Return what the library's model reads."""
        return dict(parts=self.parts, mask=self.mask)


def make_folder(folder: Path, layers: int = 2, vocabulary: int = VOCABULARY) -> Path:
    """Write a language model of mT5-base's widths with fewer layers and a small tokenizer; returns its folder."""
    rng = random.Random(0)
    words = [''.join(rng.choices(LETTERS, k=rng.randint(2, 8))) for _ in range(2000)]
    texts = [' '.join(rng.choices(words, k=12)) for _ in range(1000)]
    make_language_model(texts, folder, 2000, ('en',), 768, 2048, layers, 12, 64)
    file = folder / 'config.json'
    file.write_text(json.dumps(json.loads(file.read_text()) | dict(vocab_size=vocabulary)))
    (folder / 'words.txt').write_text('\n'.join(words))
    return folder


def make_batch(folder: Path, clips: int, frames: int, words: tuple[int, int] = (8, 20), seed: int = 0) -> Batch:
    """Return clips of ``frames`` frames with texts of so many words."""
    torch.manual_seed(seed)
    rng, known = random.Random(seed), (folder / 'words.txt').read_text().split()
    parts = {name: torch.rand(clips, frames, len(part), 3) * 2 - 1 for name, part in PARTS.items()}
    texts = [' '.join(rng.choices(known, k=rng.randint(*words))) for _ in range(clips)]
    samples = [
        SignDataSample(metainfo=dict(clip_id=str(i), task='slt', lang='en', num_frames=frames), gt_text=text)
        for i, text in enumerate(texts)
    ]
    return Batch(parts, torch.ones(clips, frames, dtype=torch.bool), samples)


def our_model(folder: Path, **head: Any) -> UniSign:
    """Return the library's pose-only model."""
    torch.manual_seed(0)
    head = dict(type='MT5GenerationHead', language_model=str(folder), pretrained=False, **head)
    return MODELS.build(dict(type='UniSign', pose_encoder=dict(type='PartGCNEncoder'), head=head))


def baseline_model(folder: Path) -> BaselineModel:
    """Return the baseline; its weights are random too, but not those of ``our_model``."""
    torch.manual_seed(0)
    return BaselineModel(load_language_model(str(folder), pretrained=False))


def copy_weights(ours: UniSign, baseline: BaselineModel) -> None:
    """Give the baseline our model's weights."""
    baseline.load_state_dict(to_official(ours.state_dict()), strict=True)


def baseline_arguments(folder: Path, batch: Batch) -> tuple[dict[str, Tensor], Tensor, Tensor, Tensor]:
    """Return the arguments of ``BaselineModel.loss``, with the token ids that the library's head would use."""
    codec = TextCodec(load_tokenizer(str(folder)), DEFAULT_PROMPT, max_target_tokens=50)
    prompts = torch.tensor([codec.prompt_ids(sample.lang) for sample in batch.samples])
    targets, valid = codec.target_batch([sample.gt_text for sample in batch.samples])
    return batch.parts, batch.mask.long(), prompts, targets.masked_fill(~valid, IGNORED)

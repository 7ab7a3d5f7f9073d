"""Models and batches of real size for the benchmarks, with random weights: the same for both sides."""

import argparse
import json
import math
import random
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from accelerator import to_device
from baseline.model import IGNORED, BaselineModel, Hands
from baseline.rgb_encoder import RGBEncoder
from torch import Tensor

from unisign.checkpoints import to_official
from unisign.models import UniSign
from unisign.models.heads.text_codec import TextCodec
from unisign.models.language_models import DEFAULT_PROMPT, load_tokenizer, make_language_model
from unisign.models.language_models.loading import make_plain_model, read_language_model_config
from unisign.models.unisign import CROP_SIZE
from unisign.registry import MODELS
from unisign.structures import PARTS, SignDataSample

VOCABULARY = 250_112  # mT5's
SAMPLED_SHARE = 0.1  # of a hand's frames whose picture is read (spec.md, section 5)
RGB_ENCODER = dict(type='HandCropEncoder', backbone=dict(type='EfficientNet', arch='b0'))
FUSION = dict(type='PriorGuidedFusion')
LETTERS = 'abcdefghijklmnopqrstuvwxyz'


@dataclass
class Batch:
    """Clips of one batch.

    Attributes:
        parts: part name -> [B, T, V, 3], each clip's last frame repeated to the end.
        mask: bool [B, T].
        samples: B of them, with their texts.
        hands: the pictures as the library's model reads them, normalised; None for poses alone.
    """

    parts: dict[str, Tensor]
    mask: Tensor
    samples: list[SignDataSample]
    hands: Hands | None = None

    def inputs(self) -> dict[str, Any]:
        """Return what the library's model reads."""
        inputs: dict[str, Any] = dict(parts=self.parts, mask=self.mask)
        return inputs | dict(hands=self.hands) if self.hands else inputs

    def to(self, device: str) -> 'Batch':
        """Return the batch with its tensors on a device."""
        return replace(self, **to_device(dict(parts=self.parts, mask=self.mask, hands=self.hands), device))


def add_size_options(parser: argparse.ArgumentParser, batch: int, frames: int, layers: int, of_what: str) -> None:
    """Add the options of models and batches; ``of_what``: where the layers are."""
    parser.add_argument('--batch', type=int, default=batch, help='clips')
    parser.add_argument('--frames', type=int, default=frames, help='frames a clip')
    parser.add_argument('--layers', type=int, default=layers, help=f'layers of the {of_what}')
    parser.add_argument('--vocabulary', type=int, default=VOCABULARY, help='tokens of the language model')
    parser.add_argument('--matrix', type=int, default=4096, help='width of the matrices whose product gives the rate')


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


def add_hands(batch: Batch, seed: int = 0) -> Batch:
    """Return the batch with a picture of a tenth of each clip's hands."""
    torch.manual_seed(seed)
    clips, frames = batch.mask.shape
    count = math.ceil(SAMPLED_SHARE * frames)
    hands = {}
    for side in ('left', 'right'):
        hands[side] = dict(
            images=torch.randn(clips * count, 3, CROP_SIZE, CROP_SIZE),
            keypoints=torch.rand(clips * count, len(PARTS[side]), 2),
            clip=torch.arange(clips).repeat_interleave(count),
            frame=torch.cat([torch.randperm(frames)[:count].sort().values for _ in range(clips)]),
        )
    return replace(batch, hands=hands)


def our_model(folder: Path, rgb: bool = False, **head: Any) -> UniSign:
    """Return the library's model, pose only or with pictures."""
    torch.manual_seed(0)
    head = dict(type='MT5GenerationHead', language_model=str(folder), pretrained=False, **head)
    branch = dict(rgb_encoder=RGB_ENCODER, fusion=FUSION) if rgb else {}
    return MODELS.build(dict(type='UniSign', pose_encoder=dict(type='PartGCNEncoder'), head=head, **branch))


def baseline_model(folder: Path, rgb: bool = False) -> BaselineModel:
    """Return the baseline; its weights are random too, but not those of ``our_model``."""
    torch.manual_seed(0)
    branch = dict(rgb_encoder=RGBEncoder(), fusion=MODELS.build(FUSION)) if rgb else {}
    # Hugging Face's own layers, as the published code has them: the library's loader puts leaner ones in their place.
    name = str(folder)
    language_model = make_plain_model(name, read_language_model_config(name), pretrained=False)
    return BaselineModel(language_model, **branch)


def copy_weights(ours: UniSign, baseline: BaselineModel) -> None:
    """Give the baseline our model's weights."""
    baseline.load_state_dict(to_official(ours.state_dict()), strict=True)


def make_codec(folder: Path) -> TextCodec:
    """Return the text codec of ``our_model``'s head."""
    return TextCodec(load_tokenizer(str(folder)), DEFAULT_PROMPT, max_target_tokens=50)


def baseline_arguments(folder: Path, batch: Batch) -> tuple[dict[str, Tensor], Tensor, Tensor, Tensor]:
    """Return the arguments of ``BaselineModel.loss`` but the pictures, with the token ids of the library's head."""
    codec = make_codec(folder)
    prompts = torch.tensor([codec.prompt_ids(sample.lang) for sample in batch.samples])
    targets, valid = codec.target_batch([sample.gt_text for sample in batch.samples])
    targets = targets.masked_fill(~valid, IGNORED)
    return batch.parts, batch.mask.long(), prompts.to(batch.mask.device), targets.to(batch.mask.device)

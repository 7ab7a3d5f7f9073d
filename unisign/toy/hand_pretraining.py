"""Training a ``SmallConvNet`` on pictures of hands, before it sees any signing."""

import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn
from tqdm import tqdm

from unisign.models.backbones import SmallConvNet
from unisign.models.data_preprocessor import SignDataPreprocessor
from unisign.toy.hand_pictures import HANDSHAPE_NAMES, hand_pictures

_BATCH, _RATE, _WEIGHT_DECAY, _WARMUP = 128, 3e-3, 0.02, 100


def pretrain(out: Path, channels: tuple[int, ...], grid: int, size: int, clips: int, epochs: int, seed: int) -> float:
    """Train and write the backbone's weights; return the accuracy on pictures of other signers, 0..1.

    Args:
        out: the file to write (safetensors).
        channels: widths of ``SmallConvNet``.
        grid: cells of its output along each side.
        size: side of the pictures in pixels.
        clips: performances to draw, 3 pictures each; a tenth more is drawn of other signers to test on.
        epochs: how often each picture is seen, each time in other colours and from another angle.
        seed: of pictures and training.
    """
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    images, labels = _draw(clips, seed, size)
    test_images, test_labels = _draw(max(1, clips // 10), seed + 1, size)
    backbone = SmallConvNet(channels, grid)
    network = nn.Sequential(backbone, nn.Flatten(), nn.Linear(channels[-1] * grid**2, len(HANDSHAPE_NAMES)))
    optimizer = torch.optim.AdamW(network.parameters(), lr=_RATE, weight_decay=_WEIGHT_DECAY)
    steps = epochs * math.ceil(len(images) / _BATCH)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _share_of_rate(step, steps))
    bar = tqdm(total=steps, desc='training', mininterval=0.5)
    for _ in range(epochs):
        for chosen in torch.randperm(len(images), generator=generator).split(_BATCH):
            loss = F.cross_entropy(
                network(_normalised(augment(images[chosen] / 255.0, generator))), labels[chosen], label_smoothing=0.1
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            bar.set_postfix(loss=f'{loss.item():.2f}')
            bar.update()
    bar.close()
    network.eval()
    with torch.no_grad():
        found = torch.cat([network(_normalised(batch / 255.0)).argmax(1) for batch in test_images.split(_BATCH)])
    out.parent.mkdir(parents=True, exist_ok=True)
    save_file(backbone.state_dict(), out)
    return (found == test_labels).float().mean().item()


def augment(images: Tensor, generator: torch.Generator) -> Tensor:
    """Return images [N, 3, S, S] in 0..1 in other colours, turned, mirrored, scaled and shifted, each its own way."""
    count = len(images)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(count, *shape, generator=generator)

    mix = uniform(0, 1, 3, 3)
    share = uniform(0, 0.5, 1, 1)
    mix = (1 - share) * torch.eye(3) + share * mix / mix.sum(-1, keepdim=True)
    coloured = torch.einsum('nij,njhw->nihw', uniform(0.7, 1.3, 1, 1) * mix, images - 0.5)
    coloured = (coloured + uniform(-0.2, 0.2, 3, 1, 1) + 0.5).clamp(0, 1)
    angle, scale, shift = uniform(-0.25, 0.25), uniform(0.9, 1.1), uniform(-0.08, 0.08, 2)
    mirror = torch.where(uniform(0, 1) < 0.5, -1.0, 1.0)
    rows = [
        torch.stack([mirror * scale * angle.cos(), -scale * angle.sin(), shift[:, 0]], dim=1),
        torch.stack([mirror * scale * angle.sin(), scale * angle.cos(), shift[:, 1]], dim=1),
    ]
    places = F.affine_grid(torch.stack(rows, dim=1), list(images.shape), align_corners=False)
    return F.grid_sample(coloured, places, align_corners=False)


def _draw(clips: int, seed: int, size: int) -> tuple[Tensor, Tensor]:
    """Return pictures, uint8 [N, 3, size, size], and labels, long [N]."""
    pictures, labels = [], []
    for picture, label in tqdm(hand_pictures(clips, seed, size), total=3 * clips, desc='drawing', mininterval=0.5):
        pictures.append(picture.transpose(2, 0, 1))
        labels.append(label)
    return torch.from_numpy(np.stack(pictures)), torch.tensor(labels)


def _share_of_rate(step: int, steps: int) -> float:
    return min(1.0, (step + 1) / _WARMUP) * 0.5 * (1 + math.cos(math.pi * step / steps))


_PREPROCESSOR = SignDataPreprocessor()


def _normalised(images: Tensor) -> Tensor:
    """Return images [N, 3, S, S] in 0..1 with ImageNet's mean and deviation taken out, as the model does."""
    return (images - _PREPROCESSOR.mean) / _PREPROCESSOR.std

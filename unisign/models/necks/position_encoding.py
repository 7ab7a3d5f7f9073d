"""Where things lie, as features: keypoints (random Fourier features) and places in a sequence (sinusoids)."""

import math

import torch
from torch import Tensor, nn


class KeypointEncoding(nn.Module):
    """Random Fourier features of keypoints (Tancik et al., NeurIPS 2020; spec.md section 5).

    Args:
        channels: width of the encoding, even.

    Attributes:
        frequencies: a fixed Gaussian matrix [2, channels / 2], saved with the weights.
    """

    frequencies: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer('frequencies', torch.randn(2, channels // 2))

    def forward(self, keypoints: Tensor) -> Tensor:
        """Return float32 [..., channels] for keypoints [..., 2] in [0, 1]: the sines, then the cosines.

        Mixed precision must not touch it: a phase of hundreds of radians has no room in 8 bits. So no matrix product.
        """
        centred = 2 * keypoints.float() - 1
        frequencies = self.frequencies.float()
        phases = 2 * math.pi * (centred[..., :1] * frequencies[0] + centred[..., 1:] * frequencies[1])
        return torch.cat([phases.sin(), phases.cos()], dim=-1)


def sinusoidal_encoding(length: int, channels: int, device: torch.device | None = None) -> Tensor:
    """Return float32 [length, channels]: sine and cosine of position / 10000^(2i / channels), interleaved.

    Source: Vaswani et al., "Attention Is All You Need", 2017.
    """
    position = torch.arange(length, dtype=torch.float32, device=device)[:, None]
    rates = torch.exp(-math.log(10000) / channels * torch.arange(0, channels, 2, dtype=torch.float32, device=device))
    return torch.stack([(position * rates).sin(), (position * rates).cos()], dim=-1).flatten(1)

"""``SmallConvNet``: a few strided convolutions, for toy corpora and CPUs."""

from pathlib import Path

from torch import Tensor, nn

from unisign.checkpoints import load_weights
from unisign.registry import MODELS
from unisign.structures import DataError


@MODELS.register_module()
class SmallConvNet(nn.Module):
    """3x3 convolutions of stride 2, each with batch norm and ReLU, then a mean over a fixed grid of cells.

    Args:
        channels: output channels of each convolution. Four of them give 7 x 7 cells for 112 px.
        grid: cells along each side of the output, whatever the size of the images; at least 1.
        weights: a file of weights, such as ``tools/models/pretrain_toy_hands.py`` writes, loaded when a training starts
            (``init_weights``). None: a random start.

    Attributes:
        stages: the parts that can be frozen, one a convolution.
        out_channels: channels of the output.

    Raises:
        DataError: for no channels, or a grid without cells.
    """

    def __init__(
        self, channels: tuple[int, ...] = (16, 32, 64, 128), grid: int = 4, weights: str | Path | None = None
    ) -> None:
        super().__init__()
        if not channels:
            raise DataError('SmallConvNet.channels', 'is empty; expected the width of at least one convolution.')
        if not isinstance(grid, int) or grid < 1:
            raise DataError('SmallConvNet.grid', f'{grid!r} is no number of cells; expected a whole number from 1 on.')
        widths = (3, *channels)
        self.layers = nn.Sequential(*(_stage(widths[i], widths[i + 1]) for i in range(len(channels))))
        self.pool = nn.AdaptiveAvgPool2d(grid)
        self.out_channels, self.weights = channels[-1], weights

    @property
    def stages(self) -> list[nn.Module]:
        """The layers in order; the pooling belongs to the last one."""
        *first, last = self.layers
        return [*first, nn.Sequential(last, self.pool)]

    def forward(self, images: Tensor) -> Tensor:
        """Return [N, out_channels, grid, grid] for images [N, 3, H, W]."""
        return self.pool(self.layers(images))

    def init_weights(self) -> None:
        """Load ``weights``, if any; MMEngine's Runner calls this before a training.

        Raises:
            DataError: if the file cannot be read or belongs to another network.
        """
        if self.weights is not None:
            load_weights(self, self.weights)


def _stage(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    )

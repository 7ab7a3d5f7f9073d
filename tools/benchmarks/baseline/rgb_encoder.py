"""EfficientNet-B0 and a 1x1 convolution (spec.md section 5), with torchvision's own layers."""

from torch import Tensor, nn


class RGBEncoder(nn.Module):
    """From pictures to features; its weights are called as those of the library's ``HandCropEncoder``.

    Args:
        out_channels: channels of the output.
    """

    def __init__(self, out_channels: int = 256) -> None:
        super().__init__()
        from torchvision.models import efficientnet_b0

        network = efficientnet_b0(weights=None)
        self.backbone = nn.ModuleDict(dict(features=network.features))
        self.projection = nn.Conv2d(network.classifier[-1].in_features, out_channels, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Return [N, out_channels, 4, 4] for pictures [N, 3, 112, 112]."""
        return self.projection(self.backbone['features'](images))

"""``EfficientNet``: torchvision's, without pooling and classifier (spec.md section 5)."""

from pathlib import Path
from typing import Any

from torch import Tensor, nn

from unisign.checkpoints import load_state_dict_file
from unisign.models.backbones.lean_conv_norm import use_lean_activations
from unisign.registry import MODELS
from unisign.structures import DataError

ARCHITECTURES = ('b0', 'b1', 'b2', 'b3', 'b4', 'b5', 'b6', 'b7')


@MODELS.register_module()
class EfficientNet(nn.Module):
    """The convolutions of torchvision's EfficientNet (Tan and Le, ICML 2019), under torchvision's names.

    torchvision is imported when the first one is built.

    Args:
        arch: b0 to b7; Uni-Sign uses b0: 4.008 M parameters, 112 px to 1280 channels of 4 x 4.
        weights: a weights file of torchvision for this architecture, loaded when a training starts
            (``init_weights``) without running anything in it; its classifier is left out. None: a random start.
        drop_path_rate: share of residual branches left out in training, at the last block.

    Attributes:
        stages: the parts that can be frozen: 0 is the stem, the last one the 1x1 convolution at the end.
        out_channels: channels of the output.

    Raises:
        DataError: for an unknown ``arch``, or if torchvision is not installed.
    """

    def __init__(self, arch: str = 'b0', weights: str | Path | None = None, drop_path_rate: float = 0.2) -> None:
        super().__init__()
        if arch not in ARCHITECTURES:
            raise DataError('EfficientNet.arch', f'{arch!r} is not one of {", ".join(ARCHITECTURES)}.', 'Choose one.')
        models = _torchvision_models()
        self.arch, self.weights = arch, weights
        network = getattr(models, f'efficientnet_{arch}')(weights=None, stochastic_depth_prob=drop_path_rate)
        self.features: nn.Sequential = network.features
        use_lean_activations(self.features)
        self.out_channels: int = network.classifier[-1].in_features

    @property
    def stages(self) -> list[nn.Module]:
        """The layers in order."""
        return list(self.features)

    def forward(self, images: Tensor) -> Tensor:
        """Return [N, out_channels, H / 32, W / 32] for images [N, 3, H, W], normalised with ImageNet's statistics."""
        return self.features(images)

    def init_weights(self) -> None:
        """Load ``weights``, if any; MMEngine's Runner calls this before a training.

        Raises:
            DataError: if the file cannot be read or belongs to another network.
        """
        if self.weights is None:
            return
        url = getattr(_torchvision_models(), f'EfficientNet_{self.arch.upper()}_Weights').IMAGENET1K_V1.url
        if not Path(str(self.weights)).is_file():
            raise DataError(
                self.weights,
                'no such file; expected the weights that torchvision publishes.',
                f'Download {url} and give its place here, or weights=None for a random start.',
            )
        state = load_state_dict_file(self.weights)
        state = {name: value for name, value in state.items() if not name.startswith('classifier.')}
        own = self.state_dict()
        wrong = {name for name in own.keys() | state.keys() if _shape(own.get(name)) != _shape(state.get(name))}
        if wrong:
            first = min(wrong, key=lambda name: (name not in own, name))  # of the model's own, if any
            raise DataError(
                self.weights,
                f"not the weights of torchvision's efficientnet_{self.arch}: {len(wrong)} names or shapes differ, such "
                f'as {first}: {_described(own.get(first))} in the model, {_described(state.get(first))} in the file.',
                f'Download {url}, or name the arch that the file belongs to.',
            )
        self.load_state_dict(state)


def _shape(weight: Tensor | None) -> tuple[int, ...] | None:
    return None if weight is None else tuple(weight.shape)


def _described(weight: Tensor | None) -> str:
    return 'not there' if weight is None else str(list(weight.shape))


def _torchvision_models() -> Any:
    try:
        from torchvision import models
    except (ImportError, RuntimeError) as error:
        raise DataError(
            'EfficientNet',
            f'needs torchvision, which cannot be imported ({error}).',
            "Install the extra 'rgb'; tools/setup_env.sh does, and mends torchvision beside a CPU-only PyTorch.",
        ) from error
    return models

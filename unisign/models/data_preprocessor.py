"""``SignDataPreprocessor``: a collated batch onto the model's device."""

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import BaseDataPreprocessor

from unisign.registry import MODELS


@MODELS.register_module()
class SignDataPreprocessor(BaseDataPreprocessor):
    """Moves the tensors of a batch to the device and keeps what the model's ``forward`` takes.

    The data samples hold text only and stay where they are; ``failed_clips`` is for the hooks and the evaluation.
    Crops of hands travel as uint8, a quarter of the bytes, and become normalised floats on the device; crops that are
    floats already are passed as they are.

    Args:
        non_blocking: whether copies from pinned memory may overlap with computation.
        mean: of red, green and blue, where 1 is full; ImageNet's.
        std: standard deviation likewise.
    """

    def __init__(
        self,
        non_blocking: bool = True,
        mean: Sequence[float] = (0.485, 0.456, 0.406),
        std: Sequence[float] = (0.229, 0.224, 0.225),
    ) -> None:
        super().__init__(non_blocking=non_blocking)
        # Buffers follow the device; they are no weights and stay out of checkpoints.
        self.register_buffer('mean', torch.tensor(mean).view(3, 1, 1), persistent=False)
        self.register_buffer('std', torch.tensor(std).view(3, 1, 1), persistent=False)

    def forward(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Return ``inputs`` on the device and ``data_samples`` as they are."""
        inputs = self.cast_data(data['inputs'])
        if 'hands' in inputs:
            hands = inputs['hands'].items()
            inputs['hands'] = {side: hand | {'images': self._normalised(hand['images'])} for side, hand in hands}
        return dict(inputs=inputs, data_samples=data.get('data_samples'))

    def _normalised(self, images: torch.Tensor) -> torch.Tensor:
        """Return float [N, 3, S, S], in memory as before: uint8 images without the mean and deviation of ImageNet."""
        if images.is_floating_point():
            return images
        return (images.float() / 255 - self.mean) / self.std

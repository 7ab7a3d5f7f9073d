"""``SignDataPreprocessor``: a collated batch onto the model's device."""

from typing import Any

from mmengine.model import BaseDataPreprocessor

from unisign.registry import MODELS


@MODELS.register_module()
class SignDataPreprocessor(BaseDataPreprocessor):
    """Moves the tensors of a batch to the device and keeps what the model's ``forward`` takes.

    The data samples hold text only and stay where they are; ``failed_clips`` is for the hooks and the evaluation.

    Args:
        non_blocking: whether copies from pinned memory may overlap with computation.
    """

    def __init__(self, non_blocking: bool = True) -> None:
        super().__init__(non_blocking=non_blocking)

    def forward(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Return ``inputs`` on the device and ``data_samples`` as they are."""
        return dict(inputs=self.cast_data(data['inputs']), data_samples=data.get('data_samples'))

"""Weights files that torchvision publishes, read without running anything in them."""

from pathlib import Path

import torch
from torch import Tensor

from unisign.structures import DataError


def read_torchvision_weights(path: str | Path, url: str) -> dict[str, Tensor]:
    """Return the state dict in a torchvision weights file, on the CPU.

    Args:
        path: the file.
        url: where the file can be had, for the error messages.

    Raises:
        DataError: if the file is missing, damaged, or not a plain state dict.
    """
    advice = f'Download {url} and give its place here, or weights=None for a random start.'
    if not Path(path).is_file():
        raise DataError(path, 'no such file; expected the weights that torchvision publishes.', advice)
    try:
        state = torch.load(path, map_location='cpu', weights_only=True)
    except Exception as error:  # unpickling, zip, end-of-file, value and runtime errors, depending on what it is
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise DataError(
            path, f'truncated, or not a file of plain weights ({reason[0].split(". ")[0][:200]}).', advice
        ) from error
    if not isinstance(state, dict) or not state or not all(isinstance(value, Tensor) for value in state.values()):
        raise DataError(path, f'expected a state dict (name -> tensor), got a {type(state).__name__}.', advice)
    return state

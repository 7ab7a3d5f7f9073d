"""Weights of OpenMMLab's libraries, read without running anything in them."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from unisign.structures import DataError

# What their files hold besides tensors, which plain loading refuses: small numpy arrays that describe the data set.
_ALLOWED: list[Any] = [
    np.ndarray,
    np.dtype,
    *((np.zeros(1).__reduce__()[0], f'numpy.{core}.multiarray._reconstruct') for core in ('core', '_core')),
    *((np.float64(1).__reduce__()[0], f'numpy.{core}.multiarray.scalar') for core in ('core', '_core')),
    *{type(np.dtype(kind)) for kind in ('f4', 'f8', 'i4', 'i8', 'bool')},
]


def read_weights(path: str | Path) -> dict[str, torch.Tensor]:
    """Return the state dict in a checkpoint of mmpose or mmdet.

    Raises:
        DataError: if the file is missing, is no checkpoint, or holds anything that could run code.
    """
    if not Path(path).is_file():
        raise DataError(path, 'there is no such file of weights.', '')
    try:
        with torch.serialization.safe_globals(_ALLOWED):
            content = torch.load(path, map_location='cpu', weights_only=True)
        state = content.get('state_dict', content)
    except Exception as error:  # damaged files fail in many ways, each with errors of its own
        problem = str(error).partition('\n')[0] or type(error).__name__
        raise DataError(path, f'cannot be read as weights ({problem}).', 'Download it again.') from error
    # The constants of the data preprocessor come from the config.
    return {name: value for name, value in state.items() if not name.startswith('data_preprocessor.')}

"""The precision of matrix products."""

import torch
from torch import Tensor


def product_precision(x: Tensor) -> torch.dtype:
    """Return the precision of the products with ``x``: autocast's, where that is on and would round ``x``."""
    device = x.device.type
    rounded = torch.is_autocast_enabled(device) and x.dtype is not torch.float64
    return torch.get_autocast_dtype(device) if rounded else x.dtype

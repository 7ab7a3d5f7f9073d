"""Cross entropy over the vocabulary with label smoothing."""

import torch.nn.functional as F
from torch import Tensor


def smoothed_cross_entropy(logits: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
    """Return the mean over all targets of the label-smoothed cross entropy, in float32 also under autocast.

    With L target tokens, vocabulary size W and smoothing e, each token costs
    (1 - e) * -log p(target) + e * mean over the W words of -log p(word).
    Source: Szegedy et al., CVPR 2016, section 7.

    Args:
        logits: [L, W].
        targets: long [L], padding already removed.
        smoothing: e, in [0, 1).

    Returns:
        Scalar; 0, with a gradient of zeros, if there is no target.
    """
    logits = logits.float()
    if not len(targets):
        return logits.sum()
    return F.cross_entropy(logits, targets, label_smoothing=smoothing)

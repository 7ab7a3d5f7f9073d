import math

import pytest
import torch

from unisign.models.losses import smoothed_cross_entropy


def test_by_hand() -> None:
    # p = (1/2, 1/4, 1/4); -log p = (1, 2, 2) log 2; target 0, smoothing 0.3: 0.7 * 1 + 0.3 * 5/3 = 1.2 log 2.
    logits = torch.tensor([[1 / 2, 1 / 4, 1 / 4]]).log()
    assert smoothed_cross_entropy(logits, torch.tensor([0]), 0.3).item() == pytest.approx(1.2 * math.log(2))
    assert smoothed_cross_entropy(logits, torch.tensor([0])).item() == pytest.approx(math.log(2))


def test_mean_over_tokens_in_float32() -> None:
    logits, targets = torch.randn(4, 5), torch.tensor([0, 3, 3, 1])
    each = [smoothed_cross_entropy(logits[i : i + 1], targets[i : i + 1], 0.2) for i in range(4)]
    assert smoothed_cross_entropy(logits, targets, 0.2).item() == pytest.approx(torch.stack(each).mean().item())
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert smoothed_cross_entropy(logits.bfloat16(), targets, 0.2).dtype == torch.float32


def test_no_target_gives_zero_with_gradient() -> None:
    logits = torch.zeros(0, 5, requires_grad=True)
    loss = smoothed_cross_entropy(logits, torch.zeros(0, dtype=torch.long), 0.2)
    loss.backward()
    assert loss.item() == 0

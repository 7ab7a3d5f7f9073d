"""Output layer and label-smoothed cross entropy in one, without the scores of all tokens in memory."""

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from unisign.models.block_memory import large_empty

# Scores (tokens x vocabulary) that are in memory at a time: 256 MiB in float32, on a GPU, which has more to do, 512.
SCORES = 1 << 26
SCORES_ON_GPU = 1 << 27
# Scores between two matrix products, on the CPU: 2 MiB, which the caches hold.
SCORES_AT_ONCE = 1 << 19
# Devices with a large cache and slow memory.
CACHED = ('cpu',)


class LossAndAccuracy(NamedTuple):
    """What the decoder's states cost.

    Attributes:
        loss: scalar.
        accuracy: scalar; share of the tokens whose target has the highest score. No gradient.
    """

    loss: Tensor
    accuracy: Tensor


def linear_cross_entropy(
    hidden: Tensor, weight: Tensor, targets: Tensor, smoothing: float = 0.0, scores: int | None = None
) -> LossAndAccuracy:
    """Return the mean label-smoothed cross entropy of ``hidden @ weight.T``, and how often the target wins.

    The formula is ``smoothed_cross_entropy``'s, in float32 also under autocast. The scores of some tokens are computed
    at a time; what they say of the gradients is worked out at once, so that no score is kept or computed twice.

    Args:
        hidden: decoder states [L, C], padding already removed.
        weight: of the output layer [W, C].
        targets: long [L].
        smoothing: share of the target probability that goes evenly to the vocabulary, in [0, 1).
        scores: how many may be in memory at a time; at least a token's, W. None: what suits the device.
    """
    if not len(targets):
        return LossAndAccuracy(hidden.float().sum() + weight.flatten()[:0].sum(), hidden.new_zeros(()))
    if not torch.is_grad_enabled():
        hidden, weight = hidden.detach(), weight.detach()  # the gradients are not worked out
    if scores is None:
        scores = SCORES if hidden.device.type in CACHED else SCORES_ON_GPU
    return LossAndAccuracy(*_LinearCrossEntropy.apply(hidden, weight, targets, smoothing, scores))


class _LinearCrossEntropy(torch.autograd.Function):
    """Gradients of the whole loss, made in the forward pass; the backward pass only scales them."""

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, smoothing: float, scores: int
    ) -> tuple[Tensor, Tensor]:
        device = hidden.device.type
        # Matrix products in the precision of autocast, if it is on; sums and the softmax are not.
        low = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else hidden.dtype
        states, matrix = hidden.to(low), weight.to(low)
        wanted = ctx.needs_input_grad[:2]
        of_hidden = torch.empty_like(states) if wanted[0] else None
        of_weight = large_empty(weight.shape, weight.dtype, weight.device) if wanted[1] else None
        count = max(scores // len(weight), 1)
        loss, hits = hidden.new_zeros((), dtype=_wide(low)), torch.zeros((), device=hidden.device)
        with torch.autocast(device, enabled=False):
            for start in range(0, len(targets), count):
                some = slice(start, start + count)
                rows = states[some]
                logits = torch.mm(rows, matrix.t(), out=large_empty((len(rows), len(matrix)), low, rows.device))
                cost = _cost_in_cache if device in CACHED else _cost
                costs, grad = cost(logits, targets[some], smoothing, len(targets), hits, any(wanted))
                loss += costs
                if grad is None:
                    continue
                if of_hidden is not None:
                    torch.mm(grad, matrix, out=of_hidden[some])
                if of_weight is not None:
                    _add_product(of_weight, grad, rows, first=start == 0)
        # Not among the saved tensors, which would stay: the weight's gradient is handed over, not copied.
        ctx.gradients = of_hidden, of_weight
        ctx.dtype = hidden.dtype
        accuracy = hits / len(targets)
        ctx.mark_non_differentiable(accuracy)
        return loss / len(targets), accuracy

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        if ctx.gradients is None:
            raise RuntimeError('The backward pass of this loss can run only once.')
        (of_hidden, of_weight), ctx.gradients = ctx.gradients, None
        # A loss that is the end of the graph has gradient 1; on a GPU to ask would be to wait.
        if not (grad.device.type == 'cpu' and grad.item() == 1):
            for gradient in (of_hidden, of_weight):
                if gradient is not None:
                    gradient *= grad
        return None if of_hidden is None else of_hidden.to(ctx.dtype), of_weight, None, None, None


def _wide(dtype: torch.dtype) -> torch.dtype:
    return torch.float64 if dtype == torch.float64 else torch.float32


def _cost_in_cache(
    scores: Tensor, targets: Tensor, smoothing: float, count: int, hits: Tensor, wanted: bool
) -> tuple[Tensor, Tensor | None]:
    """Return the summed cost of some of ``count`` tokens, and the gradient of the mean for their scores, if wanted.

    The scores are lost. Tokens whose target has the highest one are added to ``hits``.
    """
    logits = scores.to(_wide(scores.dtype))
    chosen, highest = logits.gather(1, targets[:, None])[:, 0], torch.empty_like(logits[:, 0])
    sums, means = torch.empty_like(highest), torch.zeros_like(highest)
    rows = max(SCORES_AT_ONCE // logits.shape[1], 1)
    for start in range(0, len(logits), rows):
        some = slice(start, start + rows)
        part = logits[some]
        torch.amax(part, dim=1, out=highest[some])
        if smoothing:
            torch.mean(part, dim=1, out=means[some])
        part.sub_(highest[some, None]).exp_()
        torch.sum(part, dim=1, out=sums[some])
        if wanted:
            part.mul_((1 / (sums[some] * count))[:, None])
            if smoothing:
                part -= smoothing / (part.shape[1] * count)
    hits += (chosen >= highest).sum()
    if wanted:
        logits[torch.arange(len(logits), device=logits.device), targets] -= (1 - smoothing) / count
    costs = (highest - (1 - smoothing) * chosen - smoothing * means + sums.log()).sum()
    return costs, logits.to(scores.dtype) if wanted else None


def _cost(
    scores: Tensor, targets: Tensor, smoothing: float, count: int, hits: Tensor, wanted: bool
) -> tuple[Tensor, Tensor | None]:
    """Do what ``_cost_in_cache`` does in fewer passes over the memory of a GPU, each over all scores."""
    places = torch.arange(len(scores), device=scores.device), targets
    hits += (scores[places] >= scores.amax(dim=1)).sum()
    log_probs = scores.log_softmax(dim=1, dtype=_wide(scores.dtype))
    costs = (smoothing - 1) * log_probs[places].sum()
    if smoothing:
        costs -= smoothing * log_probs.mean(dim=1).sum()
    if not wanted:
        return costs, None
    # exp(log p - log n) is p / n.
    grad = log_probs.sub_(math.log(count)).exp_()
    grad[places] -= (1 - smoothing) / count
    return costs, torch.sub(grad, smoothing / (grad.shape[1] * count), out=scores)


def _add_product(total: Tensor, grad: Tensor, states: Tensor, first: bool) -> None:
    """Add to the gradient of the weight, or begin it."""
    if total.dtype == grad.dtype:
        torch.addmm(total, grad.t(), states, beta=0 if first else 1, out=total)
    elif first:
        total.copy_(torch.mm(grad.t(), states))
    else:
        total += torch.mm(grad.t(), states)

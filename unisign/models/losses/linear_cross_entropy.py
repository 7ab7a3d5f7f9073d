"""Output layer and label-smoothed cross entropy in one, without the scores of all tokens in memory."""

import math
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from unisign.models.block_memory import large_empty

# Scores (tokens x vocabulary) that are in memory at a time: 256 MiB in float32, on a GPU, which has more to do, 512.
SCORES = 1 << 26
SCORES_ON_GPU = 1 << 27
# Values of the weight's gradient that are computed in another precision than it has at a time: 64 MiB in bfloat16.
VALUES = 1 << 25
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
    """What the scores say of the gradients is worked out in the forward pass.

    Where all scores are in memory at once, their gradient is kept for the backward pass, which makes the weight's of
    it: it is smaller, and to scale it by the loss's own gradient takes no pass over that of the weight. Else the
    weight's is made at once, some tokens after the other.
    """

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, smoothing: float, scores: int
    ) -> tuple[Tensor, Tensor]:
        device = hidden.device.type
        # Matrix products in the precision of autocast, if it is on; sums and the softmax are not.
        low = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else hidden.dtype
        states, matrix = hidden.to(low), weight.to(low)
        wanted = ctx.needs_input_grad[:2]
        count = max(scores // len(weight), 1)
        of_hidden = torch.empty_like(states) if wanted[0] else None
        of_weight = _OfWeight(weight, in_parts=count < len(targets)) if wanted[1] else None
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
                    of_weight.add(grad, rows)
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
        scale = None if grad.device.type == 'cpu' and grad.item() == 1 else grad
        if of_hidden is not None:
            of_hidden = of_hidden.to(ctx.dtype)
            if scale is not None:
                of_hidden *= scale
        return of_hidden, None if of_weight is None else of_weight.scaled(scale), None, None, None


class _OfWeight:
    """The gradient of the output layer's weight.

    Args:
        weight: the weight.
        in_parts: whether ``add`` is called more than once: then the gradient is made there, else in ``scaled``.
    """

    def __init__(self, weight: Tensor, in_parts: bool) -> None:
        self.shape, self.dtype, self.device, self.in_parts = weight.shape, weight.dtype, weight.device, in_parts
        self._total: Tensor | None = None
        self._factors: tuple[Tensor, Tensor, int] | None = None

    def add(self, grad: Tensor, states: Tensor) -> None:
        """Add what comes of the gradient of some tokens' scores, and of their states."""
        if self.in_parts:
            self._add_product(grad, states)
        else:
            self._factors = grad, states, states._version

    def scaled(self, scale: Tensor | None) -> Tensor:
        """Return the sum of all times ``scale``, if there is one; once."""
        if self._factors is not None:
            (grad, states, version), self._factors = self._factors, None
            if states._version != version:
                raise RuntimeError('The states given to this loss were changed in place before the backward pass.')
            with torch.autocast(self.device.type, enabled=False):
                self._add_product(grad, states, scale)
        elif scale is not None:
            cast(Tensor, self._total).mul_(scale)
        return cast(Tensor, self._total)

    def _add_product(self, grad: Tensor, states: Tensor, scale: Tensor | None = None) -> None:
        first = self._total is None
        if self._total is None:
            self._total = large_empty(self.shape, self.dtype, self.device)
        if self.dtype == grad.dtype:
            # Half precision might not hold scaled states: with a scaler, they are tens of thousands.
            before, behind = (scale, None) if self.dtype == _wide(self.dtype) else (None, scale)
            states = states if before is None else states * before
            torch.addmm(self._total, grad.t(), states, beta=0 if first else 1, out=self._total)
            if behind is not None:
                self._total *= behind
            return
        rows = max(VALUES // self.shape[1], 1)
        for start in range(0, len(self._total), rows):
            part, own = torch.mm(grad[:, start : start + rows].t(), states), self._total[start : start + rows]
            if not first:
                own += part
            elif scale is not None:  # of two dimensions: its precision counts
                torch.mul(part, scale.view(1, 1), out=own)
            else:
                own.copy_(part)


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

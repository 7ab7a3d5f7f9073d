"""Means over the tokens of all processes, from means over those of each."""

import torch
from mmengine.dist import all_reduce, get_world_size
from torch import Tensor


def mean_over_processes(means: dict[str, Tensor], count: int) -> dict[str, Tensor]:
    """Turn means over this process's tokens into means over the tokens of all processes.

    With n_r tokens on process r of R, N together, and the mean m_r, the value becomes sum_r n_r m_r / N, the same on
    every process. Its gradient is that of R n_r / N * m_r: averaged over the processes, as ``DistributedDataParallel``
    and ``fully_shard`` do, it is the gradient of the mean over all N tokens (spec.md, section 4: "the mean over all
    target tokens of the batch"). Averaging the means themselves would give a token of a short target a larger weight.

    Every process must call this at the same point, also one without tokens. It costs one all-reduce of a few numbers;
    a process that is alone gets back what it gave.

    Args:
        means: name -> scalar, the mean over this process's tokens; any finite number where it has none.
        count: n_r.

    Returns:
        name -> scalar. Where another process's mean is not finite, this process's share stands in for the value, so
        that only the process with the bad clips reports them.
    """
    processes = get_world_size()
    if processes == 1:
        return means
    own = torch.stack([value.detach().double() * count for value in means.values()])
    sums = torch.cat([own, own.new_tensor([count])])
    all_reduce(sums, op='sum')
    tokens = sums[-1].clamp(min=1)
    found = {}
    for (name, mean), total in zip(means.items(), sums, strict=False):  # the last of the sums is the number of tokens
        share = mean * (count * processes / tokens).to(mean.dtype)
        rest = (total / tokens).to(mean.dtype) - share.detach()
        found[name] = share + torch.where(rest.isfinite(), rest, torch.zeros_like(rest))
    return found

"""State whose tensors lie in shards on several processes, to and from the plain form that checkpoints hold."""

from collections.abc import Mapping
from typing import Any

import torch
from mmengine.dist import is_main_process
from torch import Tensor
from torch.distributed.tensor import DTensor, distribute_tensor


def gather(value: Any) -> Any:
    """Return ``value`` with whole tensors in place of sharded ones: on the CPU of the main process, elsewhere None.

    Every process must call this with the same structure; without sharded tensors nothing is sent. One tensor is
    gathered at a time, so a GPU never holds more than its shards and one whole tensor.

    Args:
        value: a tensor, or containers of tensors and anything else, which stays as it is.
    """
    if isinstance(value, DTensor):
        whole = value.full_tensor().detach()
        return whole.cpu() if is_main_process() else None
    if isinstance(value, Mapping):
        return {key: gather(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(gather(item) for item in value)
    return value


def shard_like(whole: Tensor, like: Tensor) -> Tensor:
    """Return ``whole`` spread out as ``like`` is, which has its shape; as it is if ``like`` is not sharded.

    Every process must hold the same ``whole``; nothing is sent.
    """
    if not isinstance(like, DTensor) or isinstance(whole, DTensor):
        return whole
    whole = whole.to(like.device)
    return distribute_tensor(whole, like.device_mesh, like.placements, src_data_rank=None)


def shard_weights(weights: Mapping[str, Tensor], model: torch.nn.Module) -> dict[str, Tensor]:
    """Return whole weights spread out as those of ``model`` are; they must have its shapes."""
    own = model.state_dict()
    return {name: shard_like(weight, own[name]) if name in own else weight for name, weight in weights.items()}


def shard_optimizer_state(state: Mapping[str, Any], optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Return an optimizer's whole state, by number of the parameter, spread out as the parameters of ``optimizer`` are.

    What does not fit them is left as it is, for ``load_state_dict`` to complain about.
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group['params']]
    found = {}
    for number, values in state['state'].items():
        parameter = parameters[number] if number < len(parameters) else None
        found[number] = {
            name: shard_like(value, parameter)
            if parameter is not None and isinstance(value, Tensor) and value.shape == parameter.shape
            else value
            for name, value in values.items()
        }
    return dict(state, state=found)

"""``FullyShardedModel``: weights, gradients and optimizer state spread out over the processes (PyTorch's FSDP2)."""

import copy
from collections.abc import Callable
from typing import Any

import torch
from mmengine.device import get_device
from mmengine.dist import broadcast, get_world_size
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor

from unisign.engine.sharded_state import shard_weights
from unisign.registry import MODEL_WRAPPERS
from unisign.structures import DataError

# The layers of the language models that the head can use.
LANGUAGE_MODEL_BLOCKS = ('MT5Block', 'T5Block', 'UMT5Block')


@MODEL_WRAPPERS.register_module()
class FullyShardedModel(nn.Module):
    """Spreads a model out over all processes, in place of ``DistributedDataParallel``.

    It is switched on in a config::

        model_wrapper_cfg = dict(type='FullyShardedModel')

    Each block is a unit of its own, gathered for its forward and backward pass and given up in between; all else (the
    embeddings, the output layer, the pose encoder: they are used by more than one call) is one unit that stays
    gathered for the whole step. Its weights stay in float32, so that autocast decides there, as without sharding.

    In evaluation a whole copy of the model stands in, on every process: the processes then have different numbers of
    batches and of decoding steps, and could not meet for each layer.

    Args:
        module: the model.
        blocks: names of the classes that are units.
        param_dtype: what the blocks' weights are gathered in: ``bfloat16`` halves what is sent and changes nothing that
            autocast would not round anyway; None sends float32. The shards and the optimizer stay in float32.
        reduce_dtype: what the gradients are added up in.
        reshard_after_forward: whether a block is given up after its forward pass and gathered again for the backward
            pass; if not, that much less is sent and more memory used.

    Attributes:
        module: the model: sharded in training, the whole copy in evaluation.

    Raises:
        DataError: if the model has no such block, or for an unknown dtype.
    """

    def __init__(
        self,
        module: nn.Module,
        blocks: tuple[str, ...] = LANGUAGE_MODEL_BLOCKS,
        param_dtype: str | None = 'bfloat16',
        reduce_dtype: str = 'float32',
        reshard_after_forward: bool = True,
    ) -> None:
        super().__init__()
        units = [part for part in module.modules() if type(part).__name__ in blocks]
        if not units:
            raise DataError(
                'model_wrapper_cfg.blocks',
                f'the model has no part of class {", ".join(blocks)}.',
                'Name the classes of its repeated layers.',
            )
        outline = _copy_with(module, lambda weight: torch.empty_like(weight, device='meta'))
        self._outline = (outline,)  # in a tuple, so that it is no part of this module
        self._whole: list[nn.Module] = []  # likewise
        _broadcast(module)
        self._sharded: Any = module
        mesh = init_device_mesh(get_device(), (get_world_size(),))
        sent, summed = _dtype('param_dtype', param_dtype), _dtype('reduce_dtype', reduce_dtype)
        policy = MixedPrecisionPolicy(param_dtype=sent, reduce_dtype=summed, cast_forward_inputs=False)
        for unit in units:
            fully_shard(unit, mesh=mesh, mp_policy=policy, reshard_after_forward=reshard_after_forward)
        policy = MixedPrecisionPolicy(reduce_dtype=summed, cast_forward_inputs=False)
        fully_shard(module, mesh=mesh, mp_policy=policy, reshard_after_forward=False)

    @property
    def module(self) -> Any:
        """The model that is to be used now: sharded in training, whole in evaluation."""
        return self._whole[0] if self._whole else self._sharded

    def train_step(self, data: Any, optim_wrapper: Any) -> dict[str, Tensor]:
        """Train on a batch; gradients are sent only with the last batch of an optimizer step."""
        self._sharded.set_requires_gradient_sync(optim_wrapper.should_sync())
        return self._sharded.train_step(data, optim_wrapper)

    def val_step(self, data: Any) -> Any:
        """Predict a batch, in evaluation mode."""
        return self.module.val_step(data)

    def test_step(self, data: Any) -> Any:
        """Predict a batch, in evaluation mode."""
        return self.module.test_step(data)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Call the model."""
        return self.module(*args, **kwargs)

    def train(self, mode: bool = True) -> 'FullyShardedModel':
        """Set the mode; for evaluation the whole model is gathered, so every process must call this."""
        super().train(mode)
        self._whole = [] if mode else [self.gathered().eval()]
        return self

    def init_weights(self) -> None:
        """Let the parts of the model load what they start from; MMEngine's Runner calls this before a training."""
        whole = self.gathered()
        whole.init_weights()
        _broadcast(whole)
        self._sharded.load_state_dict(shard_weights(whole.state_dict(), self._sharded))

    def gathered(self) -> Any:
        """Return a whole copy of the model as it is now; every process must call this."""
        device = get_device()
        whole = _copy_with(self._outline[0], lambda weight: torch.empty_like(weight, device=device))
        own = whole.state_dict()
        for name, value in self._sharded.state_dict().items():
            own[name].copy_(value.full_tensor() if isinstance(value, DTensor) else value)
        return whole


def _copy_with(module: nn.Module, make: Callable[[Tensor], Tensor]) -> nn.Module:
    """Return a copy of ``module`` with ``make(weight)`` in place of each of its weights."""
    weights: dict[int, Any] = {id(weight): weight for weight in module.parameters()}
    return copy.deepcopy(
        module,
        memo={key: nn.Parameter(make(weight), requires_grad=weight.requires_grad) for key, weight in weights.items()},
    )


def _dtype(argument: str, name: str | None) -> torch.dtype | None:
    if name not in (None, 'float32', 'bfloat16'):
        raise DataError(f'model_wrapper_cfg.{argument}', f'{name!r} is neither float32 nor bfloat16.')
    return None if name is None else getattr(torch, name)


def _broadcast(module: nn.Module) -> None:
    """Give every process the main process's weights and statistics."""
    for value in module.state_dict().values():
        broadcast(value)

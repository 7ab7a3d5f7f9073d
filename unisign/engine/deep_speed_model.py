"""``DeepSpeedModel``: gradients and optimizer state spread out over the processes, by DeepSpeed (ZeRO, stage 2)."""

import copy
import importlib
from contextlib import AbstractContextManager
from types import ModuleType
from typing import Any

import torch
from mmengine.dist import all_reduce
from mmengine.optim import AmpOptimWrapper
from torch import Tensor, nn

from unisign.registry import MODEL_WRAPPERS
from unisign.structures import DataError


@MODEL_WRAPPERS.register_module()
class DeepSpeedModel(nn.Module):
    """Trains with DeepSpeed's ZeRO, in place of ``DistributedDataParallel``.

    It is switched on in a config::

        model_wrapper_cfg = dict(type='DeepSpeedModel')

    The config's optimizer, schedule, clipping, accumulation and precision stay in charge. Every process holds the whole
    weights, so evaluation is that of any model; checkpoints are those of every other run (``PlainStateOptimizer``).

    Args:
        module: the model.
        stage: 1: the optimizer's state is spread out; 2: the gradients too. At stage 2 DeepSpeed adds gradients up in
            the order in which they come, which is another one on a process without clips, or without pictures of
            hands: where processes differ in that, the run is stopped.
        bucket_size: gradients are sent in groups of so many numbers.

    Raises:
        DataError: if DeepSpeed is not installed, or for another stage.
    """

    def __init__(self, module: nn.Module, stage: int = 2, bucket_size: int = 50_000_000) -> None:
        super().__init__()
        if stage not in (1, 2):
            raise DataError(
                'model_wrapper_cfg.stage',
                f'{stage!r} is neither 1 nor 2.',
                "To spread out the weights too, take type='FullyShardedModel'.",
            )
        self._deepspeed = _import_deepspeed()
        self.module: Any = module
        self._zero = dict(stage=stage, reduce_bucket_size=bucket_size, allgather_bucket_size=bucket_size)
        self._engine: Any = None
        self._started = False

    def take(self, optim_wrapper: Any) -> None:
        """Put ZeRO in place of the optimizer in ``optim_wrapper``; the Runner calls this once both are built.

        Raises:
            DataError: for float16, whose loss scale DeepSpeed would have to know.
        """
        if isinstance(optim_wrapper, AmpOptimWrapper) and optim_wrapper.cast_dtype is not torch.bfloat16:
            raise DataError(
                'optim_wrapper.dtype',
                f'DeepSpeedModel trains in bfloat16 or float32, not in {optim_wrapper.cast_dtype}.',
                "Set dtype='bfloat16', or take MMDistributedDataParallel.",
            )
        optimizer, clipping = optim_wrapper.optimizer, optim_wrapper.clip_grad_kwargs or {}
        parameters = [parameter for group in optimizer.param_groups for parameter in group['params']]
        groups = [len(group['params']) for group in optimizer.param_groups]
        settings = dict(
            train_micro_batch_size_per_gpu=1,  # only DeepSpeed's log of the rate reads it
            gradient_clipping=float(clipping.get('max_norm', 0.0)),
            zero_optimization=self._zero,
            zero_allow_untested_optimizer=True,
        )
        model = _TrainingForward(self.module)
        self._engine, zero, _, _ = self._deepspeed.initialize(
            model=model, optimizer=optimizer, config=settings, dist_init_required=False
        )
        optim_wrapper.optimizer = PlainStateOptimizer(zero, parameters, groups)

    def train_step(self, data: Any, optim_wrapper: Any) -> dict[str, Tensor]:
        """Train on a batch; gradients are added up over the batches of an optimizer step.

        Raises:
            DataError: on every process, if at stage 2 some have clips, or pictures, in this batch and others have none.
        """
        if self._zero['stage'] == 2:
            _refuse_different_orders(data)
        if not self._started:
            optim_wrapper.optimizer.zero.refresh_fp32_params()  # weights may have been loaded since ``take``
            self._started = True
        last = optim_wrapper.should_sync()
        self._engine.set_gradient_accumulation_boundary(last)
        data = self.module.data_preprocessor(data, True)
        losses = self._engine(data, optim_wrapper.optim_context(self))
        loss, logged = self.module.parse_losses(losses)
        self._engine.backward(optim_wrapper.scale_loss(loss))
        self._engine.step()
        optim_wrapper._inner_count += 1
        if last:
            optim_wrapper._global_step = getattr(optim_wrapper, '_global_step', -1) + 1  # the schedulers look at it
            optim_wrapper.message_hub.update_scalar('train/grad_norm', float(self._engine.get_global_grad_norm() or 0))
        return logged

    def val_step(self, data: Any) -> Any:
        """Predict a batch."""
        return self.module.val_step(data)

    def test_step(self, data: Any) -> Any:
        """Predict a batch."""
        return self.module.test_step(data)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Call the model."""
        return self.module(*args, **kwargs)


def _refuse_different_orders(data: Any) -> None:
    """Raise on every process if the parts of the model that have something to compute are not the same on all."""
    inputs = data.get('inputs')
    hands = inputs.get('hands') if isinstance(inputs, dict) else None
    present = [bool(data.get('data_samples')), any(len(hand['images']) for hand in (hands or {}).values())]
    signs = torch.tensor([sign * float(one) for one in present for sign in (1, -1)])
    all_reduce(signs, op='min')  # smallest, and the largest's negative, of each
    for what, smallest, largest in zip(('readable clips', 'pictures of hands'), signs[::2], -signs[1::2], strict=True):
        if smallest != largest:
            raise DataError(
                'model_wrapper_cfg.stage',
                f'some processes have {what} in this batch and others have none: DeepSpeed mixes that up at stage 2.',
                "Set model_wrapper_cfg.stage=1, or take type='FullyShardedModel', and go on with --resume.",
            )


def _import_deepspeed() -> ModuleType:
    try:
        return importlib.import_module('deepspeed')
    except ImportError as error:
        raise DataError(
            'model_wrapper_cfg',
            f'DeepSpeedModel needs the package deepspeed, which cannot be imported ({error}).',
            "Install it, pip install 'unisign[deepspeed]', or take type='FullyShardedModel', which needs nothing more.",
        ) from error


class _TrainingForward(nn.Module):
    """The model in the precision of the optimizer wrapper; DeepSpeed would switch autocast off around itself."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, data: dict[str, Any], precision: AbstractContextManager) -> dict[str, Tensor]:
        with precision:
            return self.module(**data, mode='loss')


class PlainStateOptimizer:
    """ZeRO's optimizer, with a state like that of any other: whole tensors by number of the parameter.

    Args:
        zero: DeepSpeed's optimizer, stage 1 or 2.
        parameters: of the model, in the order of their groups.
        groups: how many of them each parameter group has.
    """

    def __init__(self, zero: Any, parameters: list[Any], groups: list[int]) -> None:
        self.zero, self._parameters, self._groups = zero, parameters, groups
        self.defaults = zero.optimizer.defaults

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """Learning rate and the like; the schedulers change them."""
        return self.zero.param_groups

    def state_dict(self) -> dict[str, Any]:
        """Return what ``torch.optim.Optimizer.state_dict`` would; every process must call this."""
        state, number = {}, 0
        self._link()
        for size, own in zip(self._groups, self._flat_states(), strict=True):
            for parameter in self._parameters[number : number + size]:
                if own:
                    state[number] = {
                        key: parameter.get_full_hp_param(key).cpu() if _is_spread_out(value) else copy.deepcopy(value)
                        for key, value in own.items()
                    }
                number += 1
        numbers = iter(range(number))
        settings = [
            {key: value for key, value in group.items() if key != 'params'}
            | dict(params=[next(numbers) for _ in range(n)])
            for n, group in zip(self._groups, self.param_groups, strict=True)
        ]
        return dict(state=state, param_groups=settings)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up what ``state_dict`` returned, here or of any optimizer of the same kind and groups.

        Raises:
            ValueError: if the groups have other sizes.
        """
        sizes = [len(group['params']) for group in state_dict['param_groups']]
        if sizes != self._groups:
            raise ValueError(f'loaded state dict has parameter groups of {sizes} tensors, not {self._groups}')
        for own, group in zip(self.param_groups, state_dict['param_groups'], strict=True):
            own.update({key: value for key, value in group.items() if key != 'params'})
        if state_dict['state']:
            self._load(state_dict['state'])

    def _load(self, state: dict[int, dict[str, Any]]) -> None:
        first = 0
        for size, flat in zip(self._groups, self.zero.single_partition_of_fp32_groups, strict=True):
            self.zero.optimizer.state[flat] = {
                key: torch.zeros_like(flat) if _is_spread_out(value) else copy.deepcopy(value)
                for key, value in state[first].items()
            }
            first += size
        self._link()
        for number, parameter in enumerate(self._parameters):
            for key, value in state[number].items():
                if _is_spread_out(value):
                    parameter.set_full_hp_param(value.to(parameter.device), key)

    def _link(self) -> None:
        """Let DeepSpeed look up which part of this process's state belongs to which parameter."""
        if all(self._flat_states()):
            self.zero._hp_optimizer_states_linked = False
            self.zero._lazy_init_hp_params_optimizer_state()

    def _flat_states(self) -> list[dict[str, Any]]:
        state = self.zero.optimizer.state
        return [state.get(flat, {}) for flat in self.zero.single_partition_of_fp32_groups]


def _is_spread_out(value: Any) -> bool:
    return isinstance(value, Tensor) and value.ndim > 0

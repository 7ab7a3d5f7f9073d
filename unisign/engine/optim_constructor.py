"""Which parameters are optimised, and how: the weight-decay split of spec.md, section 1."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from torch import nn

from unisign.engine.gradient_norm import ClippedStep, clip_grad_norm_
from unisign.registry import OPTIM_WRAPPER_CONSTRUCTORS, OPTIM_WRAPPERS, OPTIMIZERS
from unisign.structures import DataError

# Optimizers of PyTorch that have a kernel for all of a step.
FUSED = ('Adam', 'AdamW', 'SGD', 'Adagrad')


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class SignOptimWrapperConstructor:
    """Builds an optimizer whose weight decay applies to tensors with two or more dimensions only.

    Parameters that need no gradient are left out. Parts of the model may have a learning rate of their own::

        optim_wrapper = dict(
            constructor='SignOptimWrapperConstructor',
            optimizer=dict(type='AdamW', lr=3e-4, weight_decay=1e-4),
            paramwise_cfg=dict(lr_mult={'head.language_model': 0.3}))

    ``layer_decay`` lowers the rate from layer to layer, from the top to the bottom: with n layers, layer i (from 0)
    gets ``layer_decay ** (n - 1 - i)`` of it. The model names its layers (``layer_prefixes()``). Uni-Sign's, from the
    bottom: the pose encoder's embeddings, its spatial blocks, its temporal blocks, its projection; the language model's
    embedding, its encoder blocks, its decoder blocks; the output layer with the norm before it. Both factors are
    multiplied where a parameter has both; one that is in no layer belongs to the top.

    A module may also ask for one itself, by an attribute ``lr_mult`` (as the gate of the fusion does). That counts as
    if ``lr_mult`` named the module, unless it does.

    Args:
        optim_wrapper_cfg: config of the optimizer wrapper, with its ``optimizer``.
        paramwise_cfg: ``lr_mult``: prefix of parameter names -> factor on the learning rate; where several prefixes
            fit, the longest counts. ``layer_decay``: above 0, at most 1.

    Raises:
        DataError: for another key in ``paramwise_cfg``, or a ``layer_decay`` out of range.
    """

    def __init__(self, optim_wrapper_cfg: Mapping[str, Any], paramwise_cfg: Mapping[str, Any] | None = None) -> None:
        self.optim_wrapper_cfg = dict(optim_wrapper_cfg)
        paramwise_cfg = dict(paramwise_cfg or {})
        self.lr_mult: dict[str, float] = dict(paramwise_cfg.pop('lr_mult', {}))
        self.layer_decay: float = paramwise_cfg.pop('layer_decay', 1.0)
        if not (isinstance(self.layer_decay, int | float) and 0 < self.layer_decay <= 1):
            raise DataError(
                'optim_wrapper.paramwise_cfg.layer_decay', f'should be above 0 and at most 1, got {self.layer_decay}.'
            )
        if paramwise_cfg:
            raise DataError(
                'optim_wrapper.paramwise_cfg',
                f'SignOptimWrapperConstructor knows lr_mult and layer_decay, got {", ".join(paramwise_cfg)}.',
                "For MMEngine's other keys set constructor='DefaultOptimWrapperConstructor'.",
            )

    def __call__(self, model: nn.Module) -> OptimWrapper:
        """Return the optimizer wrapper for ``model``.

        Raises:
            DataError: if a prefix in ``lr_mult`` fits no trained parameter, or nothing is left to train.
        """
        wrapper_cfg = self.optim_wrapper_cfg.copy()
        optimizer_cfg = dict(wrapper_cfg.pop('optimizer'))
        optimizer_cfg['params'] = self.parameter_groups(model, optimizer_cfg)
        if optimizer_cfg.get('type') in FUSED and 'foreach' not in optimizer_cfg:
            optimizer_cfg.setdefault('fused', True)  # one pass over the weights, and no copies of their size
        wrapper_cfg.setdefault('type', 'OptimWrapper')
        wrapper = OPTIM_WRAPPERS.build(dict(wrapper_cfg, optimizer=OPTIMIZERS.build(optimizer_cfg)))
        if isinstance(wrapper, AmpOptimWrapper):
            _leave_out_scaler(wrapper)
        if getattr(wrapper, 'clip_func', None) is nn.utils.clip_grad_norm_:
            # An enabled one has the optimizer divide by its own number.
            scaled = getattr(wrapper, 'loss_scaler', None) is not None and wrapper.loss_scaler.is_enabled()
            wrapper.clip_func = clip_grad_norm_ if scaled else ClippedStep(wrapper.optimizer)
        wrapper.base_param_settings = None  # would only show the first group's learning rate a second time
        return wrapper

    def parameter_groups(self, model: nn.Module, optimizer_cfg: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return one group for each combination of weight decay and learning rate; unscaled ones first, for the log."""
        bare: Any = model.module if is_model_wrapper(model) else model
        lr, decay = optimizer_cfg['lr'], optimizer_cfg.get('weight_decay', 0.0)
        factors = {name: float(module.lr_mult) for name, module in bare.named_modules() if hasattr(module, 'lr_mult')}
        factors |= self.lr_mult
        layers = self._layer_factors(bare)
        groups: dict[tuple[bool, float], list[torch.Tensor]] = {}
        used = set()
        for name, parameter in bare.named_parameters():
            if not parameter.requires_grad:
                continue
            prefix = _longest_prefix(name, factors)
            used.add(prefix)
            factor = factors.get(prefix, 1.0) * layers.get(_longest_prefix(name, layers), 1.0)
            groups.setdefault((parameter.ndim >= 2, factor), []).append(parameter)
        unused = set(self.lr_mult) - used
        if unused or not groups:
            raise DataError(
                'optim_wrapper',
                f'lr_mult names {sorted(unused)}, which fits no trained parameter.'
                if unused
                else 'the model has no parameter that needs a gradient.',
                f'The parts of the model are: {", ".join(name for name, _ in bare.named_children())}.',
            )
        return [
            dict(params=parameters, lr=lr * factor, weight_decay=decay if decayed else 0.0)
            for (decayed, factor), parameters in sorted(groups.items(), key=lambda group: group[0][1] != 1.0)
        ]

    def _layer_factors(self, model: nn.Module) -> dict[str, float]:
        """Return prefix of parameter names -> factor by ``layer_decay``."""
        if self.layer_decay == 1:
            return {}
        tell: Any = getattr(model, 'layer_prefixes', None)
        if tell is None:
            raise DataError(
                'optim_wrapper.paramwise_cfg.layer_decay',
                f'{type(model).__name__} does not tell its layers.',
                'Give it a method layer_prefixes(), as UniSign has, or use lr_mult.',
            )
        layers = tell()
        bottom = self.layer_decay ** (len(layers) - 1)
        print_log(
            f'{len(layers)} layers: {", ".join(layers[0])} has {bottom:.3g} of the learning rate, each further one '
            f'1/{self.layer_decay:g} of it, up to {", ".join(layers[-1])}.',
            'current',
        )
        return {
            prefix: self.layer_decay ** (len(layers) - 1 - number)
            for number, layer in enumerate(layers)
            for prefix in layer
        }


def _leave_out_scaler(wrapper: AmpOptimWrapper) -> None:
    """Turn a scaler of the loss off that would multiply by 1.

    It would look through all gradients once a step, wait for what it found, and leave out steps whose gradients are not
    finite. The norm for clipping tells that too, and then the run stops (``NonFiniteGuard``).
    """
    if wrapper.clip_grad_kwargs and wrapper._scale_update_param == 1:
        wrapper.loss_scaler = torch.amp.GradScaler(enabled=False)


def _longest_prefix(name: str, prefixes: Iterable[str]) -> str:
    fitting = [prefix for prefix in prefixes if name == prefix or name.startswith(prefix.rstrip('.') + '.')]
    return max(fitting, key=len, default='')

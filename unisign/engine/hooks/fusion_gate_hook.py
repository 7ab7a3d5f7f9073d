"""The gate of the fusion, watched: how far it is open, and a word when it has closed for good."""

from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from torch import Tensor, nn

from unisign.models.necks.fusion_gate import FusionGate
from unisign.registry import HOOKS


@HOOKS.register_module()
class FusionGateHook(Hook):
    """Logs the gates of an RGB-pose model in training: ``gate``, their mean, and ``gate_closed``, the share that is 0.

    A gate is ReLU(tanh(..)): where it is 0 no gradient flows, so a gate that is 0 for every keypoint stays so, and the
    pictures are computed for nothing. That is said once, with what to do. Models without a ``FusionGate`` cost
    nothing. Of a gradient-accumulating or checkpointing step the last pass counts.

    Args:
        interval: iterations from one look to the next.
        patience: looks in a row that must find nearly all gates closed before the warning.
        closed_share: what counts as nearly all, in (0, 1].
    """

    priority = 'NORMAL'  # before LoggerHook

    def __init__(self, interval: int = 10, patience: int = 20, closed_share: float = 0.99) -> None:
        self.interval, self.patience, self.closed_share = interval, patience, closed_share
        self._shares: dict[str, Tensor] = {}
        self._handles: list[Any] = []
        self._closed_looks = 0

    def before_train(self, runner: Any) -> None:
        """Listen to every gate of the model."""
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        for name, module in model.named_modules():
            if isinstance(module, FusionGate):
                self._handles.append(module.register_forward_hook(self._keeper(name)))

    def after_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Log the gates of this iteration, if it is one of those looked at."""
        shares, self._shares = self._shares, {}
        if not shares or not self.every_n_train_iters(runner, self.interval):
            return
        gates = torch.cat([share.flatten() for share in shares.values()])
        if not len(gates):  # a batch without pictures
            return
        closed = (gates == 0).float().mean().item()
        runner.message_hub.update_scalars({'train/gate': gates.mean().item(), 'train/gate_closed': closed})
        self._closed_looks = self._closed_looks + 1 if closed >= self.closed_share else 0
        if self._closed_looks == self.patience:
            runner.logger.warning(
                f"The fusion's gate is closed ({closed:.0%} of its values are 0 for {self.patience * self.interval} "
                'iterations): the pictures of the hands no longer count, and no gradient opens it again. Start again '
                'with a slower gate, such as model.fusion.gate_lr_mult=0.03 (docs/ablations.md).'
            )

    def after_train(self, runner: Any) -> None:
        """Stop listening."""
        for handle in self._handles:
            handle.remove()
        self._handles, self._shares = [], {}

    def _keeper(self, name: str) -> Any:
        def keep(module: nn.Module, inputs: Any, outputs: tuple[Tensor, Tensor]) -> None:
            if module.training:
                self._shares[name] = outputs[1].detach()

        return keep

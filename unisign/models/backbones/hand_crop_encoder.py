"""``HandCropEncoder``: pictures of hands in, a small grid of features out (spec.md section 5)."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from unisign.models.backbones.batch_statistics import guard_repetitions, guarded_statistics, is_empty
from unisign.registry import MODELS
from unisign.structures import DataError


@MODELS.register_module()
class HandCropEncoder(nn.Module):
    """Any image backbone, then a 1x1 convolution to the width of the pose features.

    A batch without images is computed like any other, so that all weights get (zero) gradients and no process of a
    distributed training waits for another; batch statistics stay as they are.

    Args:
        backbone: config of a registered backbone: ``EfficientNet``, ``SmallConvNet``, or one of another OpenMMLab
            library such as ``mmpose.ResNet``. Of several feature maps the last is taken.
        out_channels: channels of the output; the hand's channels in the pose encoder.
        in_channels: channels the backbone gives; None asks it, by running it once on an empty picture if need be.
        frozen_stages: stages up to this one keep their weights and batch statistics, -1: none. For backbones with
            ``stages``; those of other libraries take an argument of the same name in their own config.
        with_cp: activation checkpointing: store only what goes from stage to stage and compute the rest again in the
            backward pass. For backbones with ``stages``, as above.

    Raises:
        DataError: if ``backbone`` is no config, gives another number of channels than ``in_channels``, or has no stages
            to freeze or checkpoint, or not so many.
    """

    def __init__(
        self,
        backbone: dict[str, Any],
        out_channels: int = 256,
        in_channels: int | None = None,
        frozen_stages: int = -1,
        with_cp: bool = False,
    ) -> None:
        super().__init__()
        if not isinstance(backbone, Mapping) or 'type' not in backbone:
            raise DataError(
                'model.rgb_encoder',
                f'backbone={backbone!r} is no config.',
                "Name a type, such as backbone=dict(type='EfficientNet').",
            )
        self.backbone: nn.Module = MODELS.build(backbone)
        self.frozen_stages, self.with_cp, self.out_channels = frozen_stages, with_cp, out_channels
        self._check(backbone['type'], in_channels)
        self.projection = nn.Conv2d(in_channels or _channels_of(self.backbone), out_channels, 1)
        for stage in self._frozen():
            stage.requires_grad_(False)
        self.train(self.training)

    def _check(self, name: str, in_channels: int | None) -> None:
        """Refuse arguments that do not fit the backbone called ``name``."""
        stages, given = getattr(self.backbone, 'stages', None), getattr(self.backbone, 'out_channels', None)
        if stages is None and (self.frozen_stages != -1 or self.with_cp):
            raise DataError(
                'model.rgb_encoder',
                f'{name} has no stages that frozen_stages and with_cp could work on.',
                'Set them in the config of the backbone, if it knows them.',
            )
        if stages is not None and self.frozen_stages not in range(-1, len(stages)):
            raise DataError(
                'model.rgb_encoder',
                f'frozen_stages={self.frozen_stages!r}, but the stages of {name} are 0 to {len(stages) - 1}.',
                'Give the last one to freeze, or -1 for none.',
            )
        if isinstance(given, int) and in_channels not in (None, given):
            raise DataError(
                'model.rgb_encoder',
                f'in_channels={in_channels}, but {name} gives {given} channels.',
                'Leave in_channels out.',
            )

    def forward(self, images: Tensor) -> Tensor:
        """Return [N, out_channels, h, w] for images [N, 3, H, W], normalised with ImageNet's statistics; N may be 0."""
        # As convolutions take them fastest; without effect if they are so already.
        images = images.contiguous(memory_format=torch.channels_last)
        if not self.training:
            return self.projection(self._features(images, checkpointed=False))
        if not hasattr(self.backbone, 'stages'):
            guard_repetitions(self.backbone)  # at each pass: conversion to synchronised batch norm makes new modules
        empty = is_empty(self.backbone, len(images), images.device)
        precision: AbstractContextManager = nullcontext()
        if not len(images):
            # In half precision, synchronised batch norm would send zeros of that type where others send float32.
            images, precision = images.float(), torch.autocast(images.device.type, enabled=False)
        with guarded_statistics(self.backbone, empty), precision:
            features = self._features(images, checkpointed=self.with_cp, empty=empty)
        return self.projection(features)

    def train(self, mode: bool = True) -> 'HandCropEncoder':
        """Set the mode of all but the frozen stages, whose batch norms keep their statistics."""
        super().train(mode)
        for stage in self._frozen():
            stage.eval()
        return self

    def init_weights(self) -> None:
        """Let the backbone load what its config names; MMEngine's Runner calls this before a training."""
        start = getattr(self.backbone, 'init_weights', None)
        if start is not None:
            start()

    def _frozen(self) -> list[nn.Module]:
        return self._stages()[: self.frozen_stages + 1] if self.frozen_stages >= 0 else []

    def _stages(self) -> list[nn.Module]:
        return cast(list[nn.Module], self.backbone.stages)

    def _features(self, images: Tensor, checkpointed: bool, empty: bool = False) -> Tensor:
        if not checkpointed:
            return _last(self.backbone(images))
        for stage in self._stages():
            images = checkpoint(stage, images, use_reentrant=False, context_fn=_contexts(stage, empty))
        return images


def _contexts(stage: nn.Module, empty: bool) -> Callable[[], tuple[AbstractContextManager, AbstractContextManager]]:
    """Return what PyTorch asks for: a context for the pass that is thrown away, and one for its repetition."""
    return lambda: (guarded_statistics(stage, empty), guarded_statistics(stage, empty, again=True))


def _last(features: Any) -> Tensor:
    return features[-1] if isinstance(features, list | tuple) else features


@torch.no_grad()
def _channels_of(backbone: nn.Module) -> int:
    channels = getattr(backbone, 'out_channels', None)
    if isinstance(channels, int):
        return channels
    training = backbone.training
    backbone.eval()  # those of OpenMMLab return nothing here
    features = _last(backbone(torch.zeros(1, 3, 112, 112)))
    backbone.train(training)
    return features.shape[1]

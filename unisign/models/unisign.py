"""``UniSign``: pose encoder, optional RGB branch and language-model head joined (spec.md)."""

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn

from unisign.models.frozen_parts import freeze
from unisign.registry import MODELS
from unisign.structures import PARTS, DataError, SignDataSample

PADDINGS = ('masked', 'replicate')
CROP_SIZE = 112  # of the pictures that are not there


@MODELS.register_module()
class UniSign(BaseModel):
    """Uni-Sign: a clip of signing in, text out.

    Args:
        pose_encoder: config of a module ``(parts, mask) -> [B, T, C]``. With ``fusion`` it must also offer
            ``spatial(parts, mask)`` and ``temporal(features)`` as ``PartGCNEncoder`` does.
        head: config of a module with ``loss`` and ``predict``, each ``(features, mask, data_samples)``.
        rgb_encoder: config of a module ``(images [N, 3, 112, 112]) -> crop features``, N also 0; given together with
            ``fusion``.
        fusion: config of a module ``(spatial features, hands, crops) -> spatial features``, where ``hands`` is
            ``inputs['hands']`` and ``crops`` maps ``left`` and ``right`` to the crop features. It works on the spatial
            networks' output, before the body's feature is added. Evaluated on poses alone, it is left out.
        padding: ``masked``: padded frames do not exist for any layer, so results do not depend on the batch;
            ``replicate``: each clip's last frame is repeated to the batch's longest and only the language model leaves
            those out (the published behaviour).
        data_preprocessor: config of the data preprocessor.
        frozen: parts that do not learn, by name or pattern (``pose_encoder``, ``head.language_model.encoder``,
            ``*.layer_norm``), see ``freeze``. They stay in evaluation mode: no dropout, and batch norm with its running
            statistics. Weights that a part shares with others, as mT5's stacks do the embedding, are frozen with it.

    Raises:
        DataError: for an unknown padding, one of ``rgb_encoder`` and ``fusion`` without the other, an encoder whose
            output does not fit the language model, an RGB branch that does not fit the pose encoder, or a name in
            ``frozen`` that fits no part.
    """

    def __init__(
        self,
        pose_encoder: dict[str, Any],
        head: dict[str, Any],
        rgb_encoder: dict[str, Any] | None = None,
        fusion: dict[str, Any] | None = None,
        padding: str = 'masked',
        data_preprocessor: dict[str, Any] | None = None,
        frozen: Sequence[str] = (),
    ) -> None:
        super().__init__(data_preprocessor=MODELS.build(data_preprocessor or dict(type='SignDataPreprocessor')))
        if padding not in PADDINGS:
            raise DataError('model.padding', f'{padding!r} is not one of {", ".join(PADDINGS)}.')
        if (rgb_encoder is None) != (fusion is None):
            raise DataError(
                'model', 'rgb_encoder and fusion belong together.', 'Give both, or neither for a pose-only model.'
            )
        self.padding = padding
        self.pose_encoder = MODELS.build(pose_encoder)
        self.rgb_encoder = MODELS.build(rgb_encoder) if rgb_encoder else None
        self.fusion = MODELS.build(fusion) if fusion else None
        self.head = MODELS.build(head)
        given, needed = getattr(self.pose_encoder, 'out_channels', None), getattr(self.head, 'in_channels', None)
        if given is not None and needed is not None and given != needed:
            raise DataError(
                'model',
                f'pose_encoder.out_channels={given}, but the language model of the head is {needed} wide.',
                f'Set model.pose_encoder.out_channels={needed}.',
            )
        if self.fusion is not None:
            _check_fused_widths(self.pose_encoder, self.rgb_encoder, self.fusion)
        self.frozen_modules = freeze(self, frozen)
        self._keep_frozen()

    def train(self, mode: bool = True) -> 'UniSign':
        """Set training or evaluation mode; frozen parts stay in evaluation mode."""
        super().train(mode)
        self._keep_frozen()
        return self

    def _keep_frozen(self) -> None:
        for name in self.frozen_modules:  # by name: synchronised batch norm takes the place of the modules
            self.get_submodule(name).eval()

    def layer_prefixes(self) -> list[tuple[str, ...]]:
        """Return what its layers are called, from the keypoints to the text, for ``paramwise_cfg.layer_decay``.

        The RGB branch belongs to the layer whose output it is fused with: the last of the spatial networks.
        """
        layers = [
            tuple(f'{part}.{prefix}'.rstrip('.') for prefix in layer)
            for part in ('pose_encoder', 'head')
            for layer in _layers_of(getattr(self, part))
        ]
        fused_with = getattr(self.pose_encoder, 'spatial_depth', 1) - 1
        layers[fused_with] += tuple(name for name in ('rgb_encoder', 'fusion') if getattr(self, name) is not None)
        return layers

    def forward(
        self, inputs: dict[str, Any], data_samples: list[SignDataSample] | None = None, mode: str = 'tensor'
    ) -> Tensor | dict[str, Tensor] | list[SignDataSample]:
        """Run the model in one of MMEngine's modes.

        Args:
            inputs: ``parts``: part name -> float [B, T, V, 3]; ``mask``: bool [B, T], true at a clip's frames;
                optionally ``hands``: ``left`` and ``right`` -> the pictures of a side, over all clips: ``images`` float
                [N, 3, S, S] normalised, ``keypoints`` float [N, 21, 2] relative to the picture in [0, 1], ``clip`` and
                ``frame`` long [N]. A clip without a picture has no row there.
            data_samples: one a clip; ``loss`` reads ``gt_text``, ``loss`` and ``predict`` read ``lang``, ``predict``
                reads ``task``.
            mode: ``tensor``: features [B, T, C]; ``loss``: dict of losses; ``predict``: the data samples with
                ``pred_text``, ``pred_score`` and ``nbest``.

        Raises:
            ValueError: for another mode.
        """
        if mode == 'tensor':
            return self.extract_feat(inputs)
        if mode == 'loss':
            return self.head.loss(self.extract_feat(inputs), inputs['mask'], data_samples)
        if mode == 'predict':
            return self.head.predict(self.extract_feat(inputs), inputs['mask'], data_samples)
        raise ValueError(f'mode={mode!r} is not one of tensor, loss, predict.')

    def extract_feat(self, inputs: dict[str, Any]) -> Tensor:
        """Return what the language model reads after the prompt, [B, T, C]; ``inputs`` as for ``forward``."""
        parts, mask = inputs['parts'], inputs['mask']
        if self.padding == 'replicate':
            parts = {name: _repeat_last_frame(frames, mask) for name, frames in parts.items()}
            mask = torch.ones_like(mask)
        if self.fusion is None or self.rgb_encoder is None:
            return self.pose_encoder(parts, mask)
        features = self.pose_encoder.spatial(parts, mask)
        hands = self._hands(inputs)
        if hands:
            features = self.fusion(features, hands, _encode_crops(self.rgb_encoder, hands))
        return self.pose_encoder.temporal(features)

    @torch.no_grad()
    def explain_fusion(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Return what the fusion did to each hand with a picture, for drawing: side -> ``FusionExplanation``.

        The hands of a side are in the order of ``inputs['hands'][side]``. Nothing is returned without a fusion or
        without pictures; the model should be in evaluation mode.
        """
        hands = inputs.get('hands') or {}
        if self.fusion is None or self.rgb_encoder is None or not _any_image(hands):
            return {}
        features = self.pose_encoder.spatial(inputs['parts'], inputs['mask'])
        return self.fusion.explain(features, hands, _encode_crops(self.rgb_encoder, hands))

    def _hands(self, inputs: dict[str, Any]) -> dict[str, dict[str, Tensor]]:
        """Return the hands with a picture, or nothing if the RGB branch can be left out.

        In training it never can: other processes may have pictures, and wait for the gradients of this one, zeros.
        """
        hands = inputs.get('hands') or {}
        if not self.training:
            return hands if _any_image(hands) else {}
        return hands or _no_hands(inputs['mask'].device)

    def check_dataset(self, overview: Any, training: bool) -> list[str]:
        """Let the head look at what a dataset holds; see ``MT5GenerationHead.check_dataset``."""
        check = getattr(self.head, 'check_dataset', None)
        return check(overview, training) if check is not None else []

    def val_step(self, data: dict[str, Any]) -> list[SignDataSample]:
        """Predict a batch; clips that could not be read come last, with an empty prediction.

        So every clip of the data set appears exactly once in the evaluation.
        """
        return super().val_step(data) + [without_answer(sample) for sample in data.get('failed_clips', ())]

    def test_step(self, data: dict[str, Any]) -> list[SignDataSample]:
        """Predict a batch, as ``val_step``."""
        return self.val_step(data)


def _layers_of(part: Any) -> list[tuple[str, ...]]:
    """Return the layers of a part, or the part as a single one if it does not tell them."""
    return part.layer_prefixes() if hasattr(part, 'layer_prefixes') else [('',)]


def _check_fused_widths(pose_encoder: nn.Module, rgb_encoder: nn.Module | None, fusion: nn.Module) -> None:
    """Refuse a fusion of features of different widths, as far as the modules say what theirs are."""
    width = getattr(pose_encoder, 'spatial_out_channels', None)
    others = dict(rgb_encoder=getattr(rgb_encoder, 'out_channels', None), fusion=getattr(fusion, 'channels', None))
    keys = dict(rgb_encoder='rgb_encoder.out_channels', fusion='fusion.channels')
    wrong = [name for name, channels in others.items() if None not in (width, channels) and channels != width]
    if wrong:
        raise DataError(
            'model',
            f'{" and ".join(f"{keys[name]}={others[name]}" for name in wrong)}, but the spatial features of the hands '
            f'that pictures are fused into have {width} channels (the last of pose_encoder.spatial_channels).',
            f'Set {" and ".join(f"model.{keys[name]}={width}" for name in wrong)}.',
        )


def _encode_crops(rgb_encoder: nn.Module, hands: dict[str, dict[str, Tensor]]) -> dict[str, Tensor]:
    """Encode the pictures of both sides in one go, so that they share their batch statistics too."""
    images = [hand['images'] for hand in hands.values()]
    crops = rgb_encoder(torch.cat(images)).split([len(one) for one in images])
    return dict(zip(hands, crops, strict=True))


def _repeat_last_frame(frames: Tensor, mask: Tensor) -> Tensor:
    """Put each clip's last valid frame in place of its padding: [B, T, ...] -> [B, T, ...]."""
    if not mask.numel():
        return frames
    last = (mask.sum(dim=1, keepdim=True) - 1).clamp(min=0)
    source = torch.arange(mask.shape[1], device=mask.device).minimum(last)  # [B, T]
    return frames[torch.arange(len(mask), device=mask.device)[:, None], source]


def _any_image(hands: dict[str, dict[str, Tensor]] | None) -> bool:
    return any(len(hand['images']) for hand in (hands or {}).values())


def _no_hands(device: torch.device) -> dict[str, dict[str, Tensor]]:
    """Return what ``inputs['hands']`` is in a batch without a picture."""
    index = torch.zeros(0, dtype=torch.long, device=device)
    size, points = CROP_SIZE, len(PARTS['left'])
    hand = dict(
        images=torch.zeros(0, 3, size, size, device=device),
        keypoints=torch.zeros(0, points, 2, device=device),
        clip=index,
        frame=index,
    )
    return dict(left=hand, right=hand)


def without_answer(sample: SignDataSample) -> SignDataSample:
    """Give a clip that could not be read its empty prediction."""
    sample.pred_text, sample.pred_score, sample.nbest = '', 0.0, []
    return sample

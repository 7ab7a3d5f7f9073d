"""Uni-Sign as spec.md sections 3 to 5 write it down and as the published code runs it.

Kept to be compared with; the library does not use it. In training the language model computes its own loss, which
nobody reads, and then the label-smoothed one over all positions; in evaluation the decoder runs once over the given
targets before it generates. With pictures, the hands go through the RGB encoder one after the other and the fusion
loops over the clips. The language model is Hugging Face's and the RGB encoder torchvision's, without what the library
changes in them; the fusion's weights are in the modules of the library.
"""

from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from baseline.pose_encoder import PoseEncoder
from baseline.prior_guided_fusion import fuse_clip_by_clip
from torch import Tensor, nn

from unisign.models import PriorGuidedFusion
from unisign.models.language_models import T5Family

IGNORED = -100
Hands = dict[str, dict[str, Tensor]]


class BaselineModel(PoseEncoder):
    """Pose encoder and language model; its weights have the published names.

    Args:
        mt5_model: the language model.
        label_smoothing: in the loss.
        rgb_encoder: from pictures [N, 3, 112, 112] to [N, C, h, w]; given together with ``fusion``.
        fusion: the weights of the fusion.
    """

    def __init__(
        self,
        mt5_model: T5Family,
        label_smoothing: float = 0.2,
        rgb_encoder: nn.Module | None = None,
        fusion: PriorGuidedFusion | None = None,
    ) -> None:
        super().__init__(mt5_model.config.d_model)
        self.mt5_model = mt5_model
        self.label_smoothing = label_smoothing
        self.rgb_encoder, self.fusion = rgb_encoder, fusion

    def inputs(
        self, parts: dict[str, Tensor], mask: Tensor, prompts: Tensor, hands: Hands | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return what the language model reads [B, L + T, C] and its mask.

        Args:
            parts: part name -> [B, T, V, 3], each clip's last frame repeated to the end.
            mask: long [B, T]; 1 at a clip's frames.
            prompts: long [B, L].
            hands: side -> ``images``, ``keypoints``, ``clip``, ``frame``, as the library's model reads them.
        """
        features = self(parts, partial(self._fuse, hands) if hands else None)
        embeddings = torch.cat([self.mt5_model.shared(prompts), features], dim=1)
        return embeddings, torch.cat([torch.ones_like(prompts), mask], dim=1)

    def _fuse(self, hands: Hands, side: str, features: Tensor) -> Tensor:
        crops = self.rgb_encoder(hands[side]['images'])
        return fuse_clip_by_clip(self.fusion, features, hands[side], crops)

    def loss(
        self,
        parts: dict[str, Tensor],
        mask: Tensor,
        prompts: Tensor,
        targets: Tensor,
        hands: Hands | None = None,
    ) -> Tensor:
        """Return the loss; ``targets``: long [B, N], ``IGNORED`` where there is none."""
        embeddings, mask = self.inputs(parts, mask, prompts, hands)
        logits = self._taught(embeddings, mask, targets)
        return F.cross_entropy(
            logits.flatten(0, 1), targets.flatten(), label_smoothing=self.label_smoothing, ignore_index=IGNORED
        )

    @torch.no_grad()
    def evaluate(
        self, parts: dict[str, Tensor], mask: Tensor, prompts: Tensor, targets: Tensor, **generation: Any
    ) -> Tensor:
        """Return the generated tokens, long [B, M]."""
        embeddings, mask = self.inputs(parts, mask, prompts)
        self._taught(embeddings, mask, targets)
        return self.mt5_model.generate(inputs_embeds=embeddings, attention_mask=mask, **generation)

    def _taught(self, embeddings: Tensor, mask: Tensor, targets: Tensor) -> Tensor:
        """Return the logits [B, N, W] over the given targets."""
        return self.mt5_model(inputs_embeds=embeddings, attention_mask=mask, labels=targets).logits

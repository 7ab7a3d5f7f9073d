"""Uni-Sign, pose only, as spec.md sections 3 and 4 write it down and as the published code runs it.

Kept to be compared with; the library does not use it. In training the language model computes its own loss, which
nobody reads, and then the label-smoothed one over all positions; in evaluation the decoder runs once over the given
targets before it generates. The language model is Hugging Face's, as in the library.
"""

from typing import Any

import torch
import torch.nn.functional as F
from baseline.pose_encoder import PoseEncoder
from torch import Tensor

from unisign.models.language_models import T5Family

IGNORED = -100


class BaselineModel(PoseEncoder):
    """Pose encoder and language model; its weights have the published names.

    Args:
        mt5_model: the language model.
        label_smoothing: in the loss.
    """

    def __init__(self, mt5_model: T5Family, label_smoothing: float = 0.2) -> None:
        super().__init__(mt5_model.config.d_model)
        self.mt5_model = mt5_model
        self.label_smoothing = label_smoothing

    def inputs(self, parts: dict[str, Tensor], mask: Tensor, prompts: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the language model reads [B, L + T, C] and its mask.

        Args:
            parts: part name -> [B, T, V, 3], each clip's last frame repeated to the end.
            mask: long [B, T]; 1 at a clip's frames.
            prompts: long [B, L].
        """
        embeddings = torch.cat([self.mt5_model.shared(prompts), self(parts)], dim=1)
        return embeddings, torch.cat([torch.ones_like(prompts), mask], dim=1)

    def loss(self, parts: dict[str, Tensor], mask: Tensor, prompts: Tensor, targets: Tensor) -> Tensor:
        """Return the loss; ``targets``: long [B, N], ``IGNORED`` where there is none."""
        embeddings, mask = self.inputs(parts, mask, prompts)
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

"""What a model's fusion does with the hands of one clip, for pictures."""

from typing import Any

from unisign.datasets import sign_collate
from unisign.visualization.clip_view import ClipView


def has_fusion(model: Any) -> bool:
    """Tell whether the model joins pictures with poses, and can say how."""
    return getattr(model, 'fusion', None) is not None and hasattr(model, 'explain_fusion')


def explain_hands(view: ClipView, model: Any) -> None:
    """Put the gate and the sampling points of a model into the hands of a clip, in place of those there.

    Args:
        view: a clip with ``packed`` inputs.
        model: in evaluation mode; on any device.
    """
    if view.packed is None or not has_fusion(model):
        return
    inputs = model.data_preprocessor(sign_collate([view.packed]))['inputs']
    for side, explanation in model.explain_fusion(inputs).items():
        hand, gate, points = view.hands[side], explanation.gate, explanation.sampling_points
        hand.gate = None if gate is None else gate.float().cpu().numpy()
        if points is not None:
            points = points.float().unflatten(1, (hand.keypoints.shape[1], -1)).cpu().numpy()
        hand.sampling_points = points

"""Pictures of what the fusion learns, beside the curves of the run."""

from typing import Any

from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper

from unisign.datasets import SignDataset
from unisign.datasets.concat_sign_dataset import single_datasets
from unisign.registry import HOOKS
from unisign.structures import ClipError
from unisign.visualization import ClipView, SignVisualizer, explain_hands
from unisign.visualization.browse import find_clips, view_clip
from unisign.visualization.fusion_explanation import has_fusion

_TRIES = 5  # clips looked at, from each starting point, for one with a picture of a hand


@HOOKS.register_module()
class FusionVisualizationHook(Hook):
    """Draws the hands of a few validation clips after each validation, with the sampling points and the gate.

    The pictures go through the visualizer to its backends as ``hands/<clip id>``; always the same clips, evenly
    spread over each validation dataset, so that one sees the fusion learn. Only the main process draws. Models without
    a fusion (pose-only ones) and data without pictures of hands cost nothing and give no word.

    Args:
        interval: draw after the first validation and then after every so many.
        num_clips: clips of each dataset; 0 switches the hook off.
    """

    priority = 'VERY_LOW'

    def __init__(self, interval: int = 1, num_clips: int = 2) -> None:
        self.interval, self.num_clips = interval, num_clips
        self._validations = 0
        self._views: list[ClipView] | None = None

    @master_only
    def after_val_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Draw the clips, with the model as it is now."""
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        due = self._validations % self.interval == 0
        self._validations += 1
        if not due or not has_fusion(model):
            return
        if not isinstance(runner.visualizer, SignVisualizer):
            if self._views is None:
                runner.logger.warning("No pictures of the fusion: they need visualizer = dict(type='SignVisualizer').")
            self._views = []
        if self._views is None:
            self._views = [
                view
                for dataset in single_datasets(runner.val_loop.dataloader.dataset)
                if isinstance(dataset, SignDataset)
                for view in _clips_with_hands(dataset, self.num_clips)
            ]
        # Only a training counts steps; asking a test run for them would build its training data.
        step = runner.iter if getattr(runner, 'is_training', True) else 0
        for view in self._views:
            explain_hands(view, model)
            runner.visualizer.add_hand_sheet(f'hands/{view.clip_id}', view, step)


def _clips_with_hands(dataset: SignDataset, number: int) -> list[ClipView]:
    """Return views of clips that have a picture of a hand: at evenly spread places of the dataset, or soon behind."""
    views: dict[int, ClipView] = {}
    for start in find_clips(dataset, number):
        for index in range(start, min(start + _TRIES, len(dataset))):
            view = _view(dataset, index) if index not in views else None
            if view is not None:
                views[index] = view
                break
    return list(views.values())


def _view(dataset: SignDataset, index: int) -> ClipView | None:
    """Return the clip, or None if it cannot be read (``FailedClipHook`` says so) or has no picture of a hand."""
    try:
        view = view_clip(dataset, index, columns=0)
    except (ClipError, OSError):
        return None
    return view if any(len(hand.frames) for hand in view.hands.values()) else None

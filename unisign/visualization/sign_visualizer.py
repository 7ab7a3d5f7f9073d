"""``SignVisualizer``: MMEngine's visualizer, drawing skeletons, texts and the sampled frames of hands."""

from pathlib import Path

import numpy as np
from mmengine.visualization import LocalVisBackend, Visualizer
from PIL import Image

from unisign.registry import VISUALIZERS
from unisign.structures import SignDataSample
from unisign.visualization.clip_view import ClipView
from unisign.visualization.hand_sheet import draw_hand_sheet
from unisign.visualization.palette import ACCENT, CANVAS, SUBDUED, TEXT, Color
from unisign.visualization.skeleton import blank_canvas, draw_skeleton
from unisign.visualization.text import draw_text

_GAP = 10


@VISUALIZERS.register_module()
class SignVisualizer(Visualizer):
    """Draws, and hands what it drew to the backends.

    ``add_datasample`` draws one frame with its skeleton, and below it the reference and the prediction;
    ``add_hand_sheet`` the pictures of a clip's hands and what a fusion does with them.

    Args:
        name: of this instance.
        vis_backends: configs of MMEngine's backends (``LocalVisBackend``, ``TensorboardVisBackend``, ..).
        save_dir: folder of the backends.
        font: font file for the texts; None looks for an installed one.
    """

    def __init__(
        self,
        name: str = 'visualizer',
        vis_backends: list[dict] | dict | None = None,
        save_dir: str | None = None,
        font: str | None = None,
    ) -> None:
        super().__init__(name=name, vis_backends=vis_backends, save_dir=save_dir)
        self.font = font

    def add_datasample(
        self,
        name: str,
        image: np.ndarray,
        data_sample: SignDataSample | None = None,
        draw_gt: bool = True,
        draw_pred: bool = True,
        step: int = 0,
        keypoints: np.ndarray | None = None,
        scores: np.ndarray | None = None,
        out_file: str | Path | None = None,
    ) -> np.ndarray:
        """Draw one frame and return the picture.

        Args:
            name: of the picture, for the backends.
            image: the frame, uint8 RGB [H, W, 3].
            data_sample: texts of the clip; None draws none.
            draw_gt: write the reference.
            draw_pred: write the prediction and its score.
            step: training step, for the backends.
            keypoints: float [133, 2], fractions of width and height; None draws no skeleton.
            scores: float [133]; None takes every point as certain.
            out_file: write the picture there and not to the backends.

        Returns:
            uint8 RGB [H', W, 3], the texts below the frame.
        """
        if keypoints is not None:
            image = draw_skeleton(image, keypoints, np.ones(len(keypoints)) if scores is None else scores)
        picture = self._with_texts(image, data_sample, draw_gt, draw_pred)
        self._give(name, picture, step, out_file)
        return picture

    def add_hand_sheet(
        self, name: str, view: ClipView, step: int = 0, out_file: str | Path | None = None
    ) -> np.ndarray:
        """Draw the sampled frames of a clip's hands and return the picture, uint8 RGB [H, W, 3].

        Args:
            name: of the picture, for the backends.
            view: the clip; with what a model does with its hands, if ``explain_hands`` put it there.
            step: training step, for the backends.
            out_file: write the picture there and not to the backends.
        """
        picture = draw_hand_sheet(view, font=self.font)
        self._give(name, picture, step, out_file)
        return picture

    def add_image(self, name: str, image: np.ndarray, step: int = 0) -> None:
        """Hand an image to all backends.

        Args:
            name: of the image; TensorBoard groups images by what stands before a ``/``, file names have ``_`` there.
            image: uint8 RGB [H, W, 3].
            step: training step.
        """
        for backend in self._vis_backends.values():
            # OpenCV, which writes the file, says nothing when the folder is missing.
            backend_name = name.replace('/', '_') if isinstance(backend, LocalVisBackend) else name
            backend.add_image(backend_name, image, step)

    def _give(self, name: str, picture: np.ndarray, step: int, out_file: str | Path | None) -> None:
        self.set_image(picture)
        if out_file is not None:
            Path(out_file).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(out_file)
        else:
            self.add_image(name, picture, step)

    def _with_texts(
        self, image: np.ndarray, sample: SignDataSample | None, draw_gt: bool, draw_pred: bool
    ) -> np.ndarray:
        lines: list[tuple[str, Color]] = []
        if sample is not None:
            if 'clip_id' in sample:
                lines.append((sample.clip_id, SUBDUED))
            if draw_gt and sample.get('gt_text'):
                lines.append((f'reference: {sample.gt_text}', TEXT))
            if draw_pred and 'pred_text' in sample:
                score = sample.get('pred_score')
                certainty = '' if score is None else f' ({float(score):.2f})'
                lines.append((f'prediction: {sample.pred_text}{certainty}', ACCENT))
        if not lines:
            return image
        width = image.shape[1]
        size = min(max(12, width // 28), 28)
        board, y = blank_canvas(2000, width, CANVAS), _GAP
        for line, color in lines:
            y += draw_text(board, line, (_GAP, y), size, color, width - 2 * _GAP, max_lines=4, font=self.font)
        return np.concatenate([image, board[: y + _GAP]])

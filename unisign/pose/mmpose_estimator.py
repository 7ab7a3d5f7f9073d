"""Keypoints by mmpose: people are detected by RTMDet, the signer's 133 points estimated top-down."""

import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dataset import Compose, pseudo_collate
from mmengine.registry import DefaultScope

from unisign.checkpoints.download import cache_folder, download
from unisign.optional import import_extra, sha256_of, versions_of
from unisign.pose.mmpose_models import config_of, weights_url
from unisign.pose.pose_estimator import PoseEstimator
from unisign.pose.signer_choice import SignerRule, SignerTracker
from unisign.pose.trusted_weights import read_weights
from unisign.registry import POSE_ESTIMATORS
from unisign.structures import NUM_KEYPOINTS, DataError

_PERSON = 0  # COCO's class


@POSE_ESTIMATORS.register_module()
class MMPoseEstimator(PoseEstimator):
    """RTMPose-x by default; any top-down model of mmpose with 133 points by the name of its config.

    The estimator sees one box a frame, that of the signer, ``batch_size`` frames at a time. Where nobody was found, the
    whole frame stands in as box: the scores are then low by themselves.

    Args:
        model: short name (``rtmpose-x``, ``rtmw-x``, ..), name or path of a config.
        weights: ``published`` downloads them once; else a file; None: random, to try the way without a download.
        detector: the same for people, such as ``rtmdet-m``; None: always the whole frame.
        detector_weights: as ``weights``.
        detect_every: look for people every so many frames; boxes between are interpolated.
        detector_threshold: score from which on a person counts, 0..1.
        signer: fields of ``SignerRule``: who of several people is the signer.
        batch_size: frames estimated at a time.
        half: float16 on a GPU; the CPU always computes in float32.
        flip_test: also estimate the mirrored picture: twice the cost.
        device: such as ``cuda:0`` or ``cpu``; None takes the GPU of this process (LOCAL_RANK), or the CPU.
        chunk: frames in memory at a time.

    Raises:
        DataError: if a config or its weights are not there, or it gives other points than the 133.
        ImportError: if mmpose is not installed.
    """

    def __init__(
        self,
        model: str = 'rtmpose-x',
        weights: str | None = 'published',
        detector: str | None = 'rtmdet-m',
        detector_weights: str | None = 'published',
        detect_every: int = 8,
        detector_threshold: float = 0.4,
        signer: Mapping[str, Any] | None = None,
        batch_size: int = 16,
        half: bool = True,
        flip_test: bool = False,
        device: str | None = None,
        chunk: int = 64,
    ) -> None:
        super().__init__(chunk)
        if detect_every < 1 or batch_size < 1:
            raise ValueError(f'detect_every and batch_size should be 1 or more, got {detect_every} and {batch_size}')
        self.detect_every, self.detector_threshold, self.batch_size = detect_every, detector_threshold, batch_size
        self.rule = SignerRule(**(signer or {}))
        self.device, self.half = torch.device(device or _own_device()), half
        self.flip_test = flip_test
        self.weights: dict[str, str] = {}
        self._model = self._built('mmpose', model, weights)
        self._detector = None if detector is None else self._built('mmdet', detector, detector_weights)

    def describe(self) -> dict[str, object]:
        """Return what made the keypoints, see ``PoseEstimator.describe``."""
        settings = {name: getattr(self, name) for name in ('detect_every', 'detector_threshold', 'half', 'flip_test')}
        return {
            'estimator': type(self).__name__,
            'weights': self.weights,
            'versions': versions_of('mmpose', 'onedl-mmdetection', 'mmdet', 'onedl-mmcv', 'mmcv', 'torch'),
            'settings': {**settings, 'device': self.device.type, 'signer': vars(self.rule)},
        }

    def _built(self, package: str, name: str, weights: str | None) -> Any:
        """Return mmpose's or mmdet's model in evaluation mode, on the device."""
        config = config_of(package, name)
        apis = import_extra(f'{package}.apis', type(self).__name__)
        with DefaultScope.overwrite_default_scope(package):
            if package == 'mmpose':
                model = apis.init_model(str(config), None, device='cpu')
                model.test_cfg['flip_test'] = self.flip_test
            else:
                model = apis.init_detector(str(config), None, device='cpu')
        if weights is None:
            self.weights[config.stem] = 'random'
        else:
            file = Path(weights)
            if weights == 'published':
                file = download(weights_url(package, config), cache_folder() / 'pose_weights')
            _load(model, file, config)
            self.weights[config.stem] = sha256_of(file)
        if package == 'mmpose' and model.dataset_meta.get('num_keypoints') != NUM_KEYPOINTS:
            raise DataError(config, f'gives {model.dataset_meta.get("num_keypoints")} points.', 'Take one with 133.')
        return model.to(self.device).eval()

    def _estimate(self, chunks: Iterator[list[np.ndarray]]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        tracker = SignerTracker(self.rule)
        with DefaultScope.overwrite_default_scope('mmpose'):
            pipeline = Compose(self._model.cfg.test_dataloader.dataset.pipeline)
        for frames in chunks:
            boxes = None
            if self._detector is not None:
                found = {i: self._people(frames[i]) for i in range(0, len(frames), self.detect_every)}
                boxes = tracker.follow(frames, found)
            if boxes is None:
                height, width = frames[0].shape[:2]
                boxes = np.tile([0.0, 0, width, height], (len(frames), 1))
            parts = [
                self._points(frames[i : i + self.batch_size], boxes[i : i + self.batch_size], pipeline)
                for i in range(0, len(frames), self.batch_size)
            ]
            yield np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])

    def _people(self, frame: np.ndarray) -> np.ndarray:
        """Return boxes [P, 4] of the people in a frame, x1, y1, x2, y2 in pixels."""
        apis = import_extra('mmdet.apis', type(self).__name__)
        with DefaultScope.overwrite_default_scope('mmdet'), torch.inference_mode(), self._precision():
            found = apis.inference_detector(self._detector, np.ascontiguousarray(frame[..., ::-1])).pred_instances
        wanted = (found.labels == _PERSON) & (found.scores >= self.detector_threshold)
        return found.bboxes[wanted].float().cpu().numpy()

    def _points(self, frames: list[np.ndarray], boxes: np.ndarray, pipeline: Compose) -> tuple[np.ndarray, np.ndarray]:
        """Return keypoints [n, 133, 2] as fractions of the frame and scores [n, 133] of n frames, one box [4] each."""
        meta = self._model.dataset_meta
        inputs = [
            pipeline(
                {
                    'img': np.ascontiguousarray(frame[..., ::-1]),  # mmpose takes BGR
                    'bbox': box[None].astype(np.float32),
                    'bbox_score': np.ones(1, np.float32),
                    **meta,
                }
            )
            for frame, box in zip(frames, boxes, strict=True)
        ]
        with DefaultScope.overwrite_default_scope('mmpose'), torch.inference_mode(), self._precision():
            samples = self._model.test_step(pseudo_collate(inputs))
        height, width = frames[0].shape[:2]
        keypoints = np.concatenate([sample.pred_instances.keypoints for sample in samples]) / (width, height)
        scores = np.concatenate([sample.pred_instances.keypoint_scores for sample in samples])
        return keypoints, np.clip(scores, 0, 1)

    def _precision(self) -> AbstractContextManager:
        use_half = self.half and self.device.type == 'cuda'
        return torch.autocast('cuda', torch.float16) if use_half else nullcontext()


def _own_device() -> str:
    if not torch.cuda.is_available():
        return 'cpu'
    return f'cuda:{int(os.environ.get("LOCAL_RANK", 0)) % torch.cuda.device_count()}'


def _load(model: torch.nn.Module, file: Path, config: Path) -> None:
    try:
        model.load_state_dict(read_weights(file))
    except RuntimeError as error:
        raise DataError(file, f'does not fit {config.stem} ({str(error).splitlines()[1].strip()}).', '') from error

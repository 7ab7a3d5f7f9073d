"""An estimator by a short name."""

import difflib
import inspect
from collections.abc import Mapping
from typing import Any

from unisign.pose.pose_estimator import PoseEstimator
from unisign.registry import POSE_ESTIMATORS

SHORT_NAMES = {'mediapipe': 'MediaPipeEstimator', 'mmpose': 'MMPoseEstimator'}
_ON_A_DEVICE = ('MMPoseEstimator',)


def build_estimator(estimator: str | Mapping[str, Any], device: str | None = None) -> PoseEstimator:
    """Return an estimator.

    Args:
        estimator: a short name, or a config such as ``dict(type='MediaPipeEstimator', detect_every=10)``.
        device: where it runs, such as ``cuda:0``; None chooses. MediaPipe always runs on the CPU.

    Raises:
        ValueError: for an unknown name, or an argument that the estimator does not take.
        KeyError: if the config's type is not registered.
    """
    if isinstance(estimator, str):
        if estimator not in SHORT_NAMES:
            raise ValueError(
                f'estimator should be one of {", ".join(sorted(SHORT_NAMES))} or a config, got {estimator!r}'
            )
        estimator = {'type': SHORT_NAMES[estimator]}
    config = dict(estimator)
    if device is not None and config.get('type') in _ON_A_DEVICE:
        config.setdefault('device', device)
    _check_arguments(config)
    return POSE_ESTIMATORS.build(config)


def _check_arguments(config: Mapping[str, Any]) -> None:
    kind = POSE_ESTIMATORS.get(str(config.get('type')))
    if kind is None:  # building says what is registered
        return
    known = inspect.signature(kind).parameters
    for name in config:
        if name != 'type' and name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            advice = f'did you mean {near[0]!r}?' if near else f'it takes {", ".join(known)}.'
            raise ValueError(f'{config["type"]} takes no {name!r}; {advice}')

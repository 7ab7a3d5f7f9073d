"""``.pose`` files, by the package pose-format."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from unisign.optional import import_extra
from unisign.structures import NUM_KEYPOINTS, ClipError, Poses
from unisign.structures.mediapipe_layout import NUM_HAND, NUM_POSE, to_whole_body

_COCO = ('BODY', 'FACE', 'LEFT_HAND', 'RIGHT_HAND')
_HOLISTIC = ('POSE_LANDMARKS', 'LEFT_HAND_LANDMARKS', 'RIGHT_HAND_LANDMARKS', 'FACE_LANDMARKS')
_LAYOUTS = 'Expected COCO-WholeBody (133 points) or MediaPipe Holistic with 468 or more face points.'


def read_pose_file(path: str | Path) -> Poses:
    """Return the first person's poses in a ``.pose`` file of COCO-WholeBody or MediaPipe Holistic.

    Raises:
        ClipError: if the file is missing, is none, or holds other points.
        ImportError: if pose-format is not installed.
    """
    pose_format = import_extra('pose_format', 'read_pose_file')
    try:
        pose = pose_format.Pose.read(Path(path).read_bytes())
        parts = {part.name: len(part.points) for part in pose.header.components}
        data = np.ma.filled(pose.body.data, 0)[:, 0, :, :2].astype(np.float32)
        scores = np.asarray(pose.body.confidence)[:, 0].astype(np.float32)
    except FileNotFoundError as error:
        raise ClipError(path, 'there is no such file.', 'Check the path.') from error
    except Exception as error:  # a damaged file fails in many ways
        raise ClipError(path, f'is no readable .pose file ({type(error).__name__}: {error}).', _LAYOUTS) from error
    size = pose.header.dimensions
    if min(size.width, size.height) <= 0:
        raise ClipError(path, f'names a frame of {size.width}x{size.height} pixels.', 'Export it again.')
    keypoints = data / np.array([size.width, size.height], dtype=np.float32)
    if set(_HOLISTIC) <= set(parts):
        keypoints, scores = _from_holistic(keypoints, scores, parts, path)
    elif tuple(parts) != _COCO or scores.shape[1:] != (NUM_KEYPOINTS,):
        raise ClipError(path, f'holds the parts {parts}.', _LAYOUTS)
    keypoints[scores <= 0] = 0
    frame_rate = float(pose.body.fps) or None
    return Poses(keypoints, scores, (int(size.width), int(size.height)), frame_rate).validate(path)


def write_pose_file(path: str | Path, poses: Poses) -> None:
    """Write ``poses`` as a ``.pose`` file of COCO-WholeBody, in pixels.

    Raises:
        ClipError: if frame size or frame rate is unknown: such files need both.
        ImportError: if pose-format is not installed.
    """
    if poses.frame_size is None or poses.frame_rate is None:
        raise ClipError(path, 'a .pose file needs frame size and frame rate, and one is unknown.', 'Set them.')
    pose_format = import_extra('pose_format', 'write_pose_file')
    header = import_extra('pose_format.pose_header', 'write_pose_file')
    components = import_extra('pose_format.utils.cocowholebody133_header', 'write_pose_file').cocowholebody_components()
    width, height = poses.frame_size
    data = (poses.keypoints * np.array([width, height], dtype=np.float32))[:, None]
    mask = np.repeat((poses.scores <= 0)[:, None, :, None], 2, axis=3)
    body = import_extra('pose_format.numpy', 'write_pose_file').NumPyPoseBody(
        fps=poses.frame_rate, data=np.ma.masked_array(data, mask), confidence=poses.scores[:, None]
    )
    whole: Any = pose_format.Pose(header.PoseHeader(0.2, header.PoseHeaderDimensions(width, height), components), body)
    part = Path(path).with_name(f'{Path(path).name}.{os.getpid()}.part')
    with part.open('wb') as file:
        whole.write(file)
    part.replace(path)


def _from_holistic(
    keypoints: np.ndarray, scores: np.ndarray, parts: dict[str, int], path: str | Path
) -> tuple[np.ndarray, np.ndarray]:
    """Return keypoints [T, 133, 2] and scores [T, 133] of MediaPipe's landmarks."""
    if parts['POSE_LANDMARKS'] != NUM_POSE or parts['LEFT_HAND_LANDMARKS'] != NUM_HAND or parts['FACE_LANDMARKS'] < 468:
        raise ClipError(path, f'holds the parts {parts}.', _LAYOUTS)
    starts = dict(zip(parts, np.cumsum([0, *parts.values()]).tolist(), strict=False))
    points = np.concatenate([keypoints, scores[..., None]], axis=2)
    frames = [
        to_whole_body(*(frame[starts[name] : starts[name] + parts[name]] for name in _HOLISTIC)) for frame in points
    ]
    return np.stack([frame[0] for frame in frames]), np.stack([frame[1] for frame in frames])
